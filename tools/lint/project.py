# SPDX-License-Identifier: Apache-2.0
"""What the linter looks at: the files of the project, and the rooms of ARCHITECTURE.md."""

import dataclasses
import functools
import pathlib
import re
import subprocess

ROOMS = (
    "common proto truetime storage paxos tablet txn sql placement server client shell sim tests bench admin"
).split()

# Rooms that run inside the simulator, in virtual time: no exception to a ban is granted here.
SIMULATED_ROOMS = "common truetime storage paxos tablet txn sql placement sim".split()

CODE_SUFFIXES = (".h", ".cc", ".proto", ".py", ".sh", ".bzl")
CODE_NAMES = ("BUILD.bazel", "WORKSPACE", ".bazelrc", ".clang-format", ".clang-tidy", "Dockerfile")


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """One violation: where, which rule, and what to do about it."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


@dataclasses.dataclass(frozen=True)
class File:
    """A file by its path from the root of the project, with its text."""

    path: str
    text: str

    @functools.cached_property
    def lines(self):
        return self.text.split("\n")

    @functools.cached_property
    def code_lines(self):
        """C++ lines with comments and the insides of string literals blanked out; other files as they are."""
        if not self.is_cpp:
            return self.lines
        return _blank(self.text).split("\n")

    @property
    def name(self):
        return self.path.rsplit("/", 1)[-1]

    @property
    def folder(self):
        return self.path.rsplit("/", 1)[0] if "/" in self.path else ""

    @property
    def room(self):
        """The room it lives in, or "" for tools, documents and the root."""
        first = self.path.split("/", 1)[0]
        return first if first in ROOMS and "/" in self.path else ""

    @property
    def is_cpp(self):
        return self.name.endswith((".h", ".cc"))

    @property
    def is_test(self):
        return self.name.endswith(("_test.cc", "_test.py", "_test.sh")) or self.room == "tests"

    @property
    def is_code(self):
        if self.name.endswith(CODE_SUFFIXES) or self.name in CODE_NAMES:
            return True
        return self.text.startswith("#!")


_TOKENS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<delimiter>[^()\s\\]*)\(.*?\)(?P=delimiter)"'
    r"|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])'",
    re.DOTALL,
)


def _blank(text):
    def keep_lines(match):
        found = match.group(0)
        if found.startswith(("//", "/*")):
            return re.sub(r"[^\n]", " ", found)
        # The path of an #include is wanted by the layer rule.
        before = text.rfind("\n", 0, match.start()) + 1
        if text[before : match.start()].strip() == "#include":
            return found
        return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]

    return _TOKENS.sub(keep_lines, text)


def load(root):
    """All text files that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, check=True, capture_output=True,
    ).stdout.decode()
    files = []
    for path in sorted(set(filter(None, listed.split("\0")))):
        where = pathlib.Path(root, path)
        if not where.is_file():
            continue
        try:
            files.append(File(path, where.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return files
