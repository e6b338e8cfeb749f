# SPDX-License-Identifier: Apache-2.0
"""Rules that need one file at a time: licence line, banned calls, sizes, words, machine paths.

Each rule is a function from a File to findings; its first docstring line is what `lint --rules` prints.
A line that must break a ban says why, on the line or the one before it: `// lint: allow(clock): reason`.
"""

import re

from project import SIMULATED_ROOMS, Finding

# Files copied from elsewhere keep their own heading; THIRD_PARTY.md lists where they come from.
FOREIGN = ("proto/googleapis/",)

_SPDX = "SPDX-License-Identifier: Apache-2.0"

_BANS = {
    "clock": (
        r"\bstd::chrono::\w+_clock::now\b|\b(?:system|steady|high_resolution)_clock::now\b"
        r"|\babsl::(?:Now|GetCurrentTimeNanos)\s*\(|(?<![\w.>])(?:std::|::)?time\s*\(\s*(?:NULL|nullptr|0|&\w+)\s*\)"
        r"|\bgettimeofday\s*\(|\bclock_gettime\s*\(|\btimespec_get\s*\(",
        "time comes from the TrueTime and Executor seams",
    ),
    "thread": (
        r"\bstd::j?thread\b|\bstd::async\b|\bpthread_create\b",
        "work is posted to an Executor",
    ),
    "sleep": (
        r"\bstd::this_thread\b|\b(?:u|nano)?sleep\s*\(|\babsl::SleepFor\s*\(|\bclock_nanosleep\s*\(",
        "waiting is Executor::PostAfter",
    ),
    "random": (
        r"\bstd::random_device\b|(?<![\w.>])(?:std::|::)?s?rand\s*\(|\b[dlm]rand48\s*\(|\bgetrandom\s*\("
        r"|\bgetentropy\s*\(|\bRAND_bytes\s*\(|\babsl::(?:Insecure)?BitGen\b|/dev/u?random",
        "randomness comes from the seeded source",
    ),
}
_HASH_MAP = re.compile(r"\b(?:std::unordered_(?:multi)?(?:map|set)|absl::(?:flat|node)_hash_(?:map|set))\b")
_NO_ITERATION = "lint: no iteration"

# (what, aim, limit); the aim is advice, the limit fails.
_SIZES = (
    # Written by a program, read by another: answers to a case whose own size is a test's.
    (lambda f: f.room == "tests" and f.name.endswith((".out", ".ours")), "file of answers", 3500, 5000),
    (lambda f: f.is_test, "test", 600, 1000),
    (lambda f: f.name.endswith(".h"), "header", 200, 400),
    (lambda f: f.name.endswith((".cc", ".py", ".sh", ".bzl", ".proto")), "source", 400, 800),
)

_WORDS = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
_MACHINE_PATHS = re.compile(r"(?<![\w.~:/$})\]-])/(?:home|root|Users|mnt|work)/")
_HIDDEN_TESTS = re.compile(r"\bDISABLED_\w|\bGTEST_SKIP\(\)\s*;")


def spdx(file):
    """the SPDX line opens every source file (after a #! line)"""
    if not file.is_code or file.path.startswith(FOREIGN):
        return
    heading = file.lines[1] if file.lines[0].startswith("#!") and len(file.lines) > 1 else file.lines[0]
    if heading not in (f"// {_SPDX}", f"# {_SPDX}"):
        mark = "//" if file.name.endswith((".h", ".cc", ".proto")) else "#"
        yield Finding(file.path, 1, "spdx", f"the first line must be `{mark} {_SPDX}`")


def banned_calls(file):
    """no clocks, threads, sleeps or OS randomness outside server/runtime and tests"""
    if not file.is_cpp or file.is_test or file.path.startswith("server/runtime/"):
        return
    for number, line in enumerate(file.code_lines, 1):
        for name, (pattern, instead) in _BANS.items():
            if not re.search(pattern, line):
                continue
            if file.room not in SIMULATED_ROOMS and _allowed(file, number, name):
                continue
            yield Finding(file.path, number, "banned-call", f"{name}: {instead}")


def hash_maps(file):
    """hash maps only where nothing iterates over them, and the line says so"""
    if not file.is_cpp or file.is_test or file.path.startswith("server/runtime/"):
        return
    for number, line in enumerate(file.code_lines, 1):
        if not _HASH_MAP.search(line):
            continue
        if _NO_ITERATION in _with_line_before(file, number):
            continue
        yield Finding(
            file.path, number, "hash-map",
            f"iteration order is not deterministic: use an ordered map, or end the line with `// {_NO_ITERATION}`")


def sizes(file):
    """files stay readable: a header 400 lines, a source 800, a test 1000 at the very most"""
    size = len(file.lines) - 1
    for applies, what, aim, limit in _SIZES:
        if applies(file):
            if size > limit and not file.path.startswith(FOREIGN):
                yield Finding(
                    file.path, limit, "size", f"{size} lines; aim at {aim} for a {what}, never over {limit}: cut it by role")
            return


def words(file):
    """no notes to oneself: an open end is an issue, not a comment"""
    if file.path.startswith(FOREIGN):
        return
    for number, line in enumerate(file.lines, 1):
        found = _WORDS.search(line)
        if found:
            yield Finding(file.path, number, "word", f"{found.group(0)}: do it, or open an issue")


def machine_paths(file):
    """no path of somebody's machine"""
    for number, line in enumerate(file.lines, 1):
        if _MACHINE_PATHS.search(line):
            yield Finding(file.path, number, "machine-path", "a path that exists on one machine only")


def hidden_tests(file):
    """no disabled test, and no skip without a reason"""
    if not file.is_cpp:
        return
    for number, line in enumerate(file.code_lines, 1):
        if _HIDDEN_TESTS.search(line):
            yield Finding(file.path, number, "hidden-test", "delete the test or say why it skips: GTEST_SKIP() << reason")


def _allowed(file, number, name):
    found = re.search(r"lint: allow\((\w+)\): \S+", _with_line_before(file, number))
    return bool(found) and found.group(1) == name


def _with_line_before(file, number):
    before = file.lines[number - 2] if number >= 2 else ""
    if not before.lstrip().startswith("//"):
        before = ""
    return before + "\n" + file.lines[number - 1]


RULES = (spdx, banned_calls, hash_maps, sizes, words, machine_paths, hidden_tests)


def over_the_aim(file):
    """Advice, not a finding: (size, aim) of a file that has outgrown what we aim at."""
    size = len(file.lines) - 1
    for applies, _, aim, _ in _SIZES:
        if applies(file):
            return (size, aim) if size > aim else None
    return None
