# SPDX-License-Identifier: Apache-2.0
"""Rules over the whole tree: layers, files that no BUILD names, empty folders, formatting."""

import os
import pathlib
import re
import shutil
import subprocess

from project import ROOMS, Finding

_GROUP = re.compile(r'package_group\(\s*name = "(\w+)_users",\s*packages = \[(.*?)\],', re.DOTALL)
_PACKAGES = re.compile(r'"//([^"]*)"')
_LABEL = re.compile(r'"//([^":]+)(?::[^"]*)?"')
_INCLUDE = re.compile(r'^\s*#include "([^"]+)"')
_IMPORT = re.compile(r'^\s*import (?:public |weak )?"([^"]+)"')
# What --test_tag_filters takes for a tag of every test with that size or time-out.
BAZEL_WORDS = ("small", "medium", "large", "enormous", "short", "moderate", "long", "eternal")

# Pairs that the groups must never let through, whatever else changes (ARCHITECTURE.md).
_NEVER = [
    (a, b)
    for a in ("truetime", "storage", "paxos")
    for b in ("truetime", "storage", "paxos")
    if a != b
] + [("client", "server"), ("client", "sql"), ("shell", "server"), ("tablet", "txn"), ("txn", "sql"),
     ("placement", "txn"), ("server/rpc", "sim"), ("common", "paxos"), ("paxos", "sim")]


def edges(files):
    """The layers as the package groups of the root BUILD.bazel state them: room -> patterns that may use it."""
    root = next((f.text for f in files if f.path == "BUILD.bazel"), "")
    return {room: _PACKAGES.findall(body) for room, body in _GROUP.findall(root)}


def may_use(groups, package, room):
    """True when a package (its folder) may depend on a room."""
    for pattern in groups.get(room, []):
        if pattern == package:
            return True
        if pattern.endswith("/...") and (package + "/").startswith(pattern[:-3]):
            return True
    return False


def layers(files, _root):
    """dependencies, includes and imports follow the package groups of the root BUILD.bazel"""
    groups = edges(files)
    for room in sorted({f.room for f in files if f.room}):
        if room not in groups:
            yield Finding("BUILD.bazel", 1, "layer", f"room {room} has no package_group {room}_users")
    for user, used in _NEVER:
        if may_use(groups, user, used):
            yield Finding("BUILD.bazel", 1, "layer", f"{used}_users lets {user} in: the layers forbid it")
    for file in files:
        if file.room:
            yield from _layers_of(file, groups)


def _layers_of(file, groups):
    is_build = file.name == "BUILD.bazel"
    for number, line in enumerate(file.code_lines, 1):
        if is_build:
            line = line.split("#", 1)[0]
            if "//visibility:public" in line:
                yield Finding(file.path, number, "layer", f'nothing in a room is public: use "//:{file.room}_users"')
            found = _LABEL.findall(line) if "__" not in line and "_users" not in line else []
        elif file.is_cpp:
            found = _INCLUDE.findall(line)
        elif file.name.endswith(".proto"):
            found = _IMPORT.findall(line)
        else:
            return
        for target in found:
            used = target.split("/", 1)[0]
            # A folder may have a group of its own ("txn_api"), wider than its room's.
            group = "_".join(target.split("/")[:2])
            if used in ROOMS and not may_use(groups, file.folder, group if group in groups else used):
                yield Finding(file.path, number, "layer", f"{file.folder} may not know {used}")


def orphans(files, _root):
    """every C++ and proto file is named by the BUILD.bazel above it: an unnamed test never runs"""
    builds = {f.folder: f.text for f in files if f.name == "BUILD.bazel"}
    for file in files:
        if not file.room or not file.name.endswith((".h", ".cc", ".proto")):
            continue
        folder = file.folder
        while folder and folder not in builds:
            folder = folder.rpartition("/")[0]
        if not folder:
            yield Finding(file.path, 1, "orphan", "no BUILD.bazel in this folder or above it")
            continue
        named = f'"{file.path[len(folder) + 1:]}"'
        if named not in builds[folder] and "glob(" not in builds[folder]:
            yield Finding(file.path, 1, "orphan", f"{folder}/BUILD.bazel does not name it")


def manual_targets(files, _root):
    """no target is tagged manual, and none with a name of Bazel's sizes and time-outs: what nobody runs rots"""
    for file in files:
        if file.name != "BUILD.bazel" or not file.room:
            continue
        for number, line in enumerate(file.lines, 1):
            if '"manual"' in line:
                yield Finding(file.path, number, "manual", "give it the tag extended, sim or integration instead")
        for tags in re.finditer(r"\btags = \[([^\]]*)\]", file.text):
            for word in re.findall(r'"(\w+)"', tags.group(1)):
                if word in BAZEL_WORDS:
                    yield Finding(file.path, file.text.count("\n", 0, tags.start()) + 1, "manual",
                                  f"a filter on the tag {word} drops each test of that size or time-out, too")


def empty_folders(files, root):
    """no empty folder and no placeholder file"""
    for file in files:
        if file.name in (".gitkeep", ".keep", ".placeholder"):
            yield Finding(file.path, 1, "empty-folder", "a folder appears when something lives in it")
    for where, folders, names in os.walk(root):
        folders[:] = [d for d in folders if d not in (".git", "bin", "__pycache__") and not d.startswith("bazel-")]
        path = os.path.relpath(where, root)
        if not folders and not names and path != ".":
            yield Finding(path, 1, "empty-folder", "a folder appears when something lives in it")


def formatting(files, root):
    """C++ is as clang-format-16 writes it (./dev format)"""
    paths = [f.path for f in files if f.is_cpp]
    if not paths or not pathlib.Path(root, ".clang-format").exists():
        return
    tool = shutil.which("clang-format-16")
    if tool is None:
        yield Finding(".clang-format", 1, "format", "clang-format-16 is not installed: run ./dev packages")
        return
    running = []
    workers = max(1, os.cpu_count() or 1)
    for i in range(workers):
        if paths[i::workers]:
            running.append(subprocess.Popen(
                [tool, "--dry-run", "-Werror", "--style=file", "--ferror-limit=1", *paths[i::workers]],
                cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    wrong = {}
    for process in running:
        output = process.communicate()[1]
        for path, line in re.findall(r"^(\S+?):(\d+):\d+: error: code should be clang-formatted", output, re.MULTILINE):
            wrong.setdefault(path, int(line))
        if process.returncode != 0 and not wrong:
            yield Finding(".clang-format", 1, "format", output.strip()[:300])
    for path, line in sorted(wrong.items()):
        yield Finding(path, line, "format", "not as clang-format-16 writes it: run ./dev format")


_REACHED = re.compile(r'Reached\(\s*(?:\w+ \? )?"([^"]+)"(?:\s*:\s*"([^"]+)")?')
_VACUITY = "sim/universe/vacuity.cc"


def reached(files, _root):
    """every branch that the code reports as reached has a minimum, or a reason, in sim/universe/vacuity.cc"""
    known = next((set(re.findall(r'\{"([^"]+)"', f.text)) for f in files if f.path == _VACUITY), None)
    if known is None:
        return
    for file in files:
        if not file.path.endswith((".cc", ".h")) or file.path.endswith("_test.cc"):
            continue
        for match in _REACHED.finditer(file.text):
            number = file.text.count("\n", 0, match.start()) + 1
            for name in filter(None, match.groups()):
                if name not in known:
                    yield Finding(file.path, number, "reached",
                                  f"{name} has neither a minimum nor a reason in {_VACUITY}")


RULES = (reached, layers, orphans, manual_targets, empty_folders, formatting)
