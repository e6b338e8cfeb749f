# SPDX-License-Identifier: Apache-2.0
"""A fuzz target, twice: as a test, and as a program for libFuzzer."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

def fuzz_target(name, srcs, deps, mutations = 3000):
    """NAME_test (seeds, corpus/NAME, mutations) and NAME, which --config=fuzz builds for libFuzzer.

    Args:
      name: the target, and its corpus folder.
      srcs: its source, named after it.
      deps: what it calls.
      mutations: how many of them the test runs; fewer where an input is slow.
    """
    cc_library(
        name = name + "_target",
        testonly = True,
        srcs = srcs,
        alwayslink = True,
        deps = deps + [":target"],
    )
    cc_test(
        name = name + "_test",
        size = "small",
        args = [
            native.package_name() + "/corpus/" + name,
            str(mutations),
        ],
        data = native.glob(["corpus/" + name + "/*"]),
        tags = ["asan"],
        deps = [
            ":replay_main",
            ":" + name + "_target",
        ],
    )
    cc_binary(
        name = name,
        testonly = True,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = [
            ":libfuzzer_init",
            ":" + name + "_target",
        ],
    )
