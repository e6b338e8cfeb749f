# SPDX-License-Identifier: Apache-2.0
"""Bazel's own way to find the C++ toolchain, under the name rules expect it at."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", _find_cpp_toolchain = "find_cpp_toolchain")

def find_cc_toolchain(ctx):
    return _find_cpp_toolchain(ctx)

find_cpp_toolchain = find_cc_toolchain
