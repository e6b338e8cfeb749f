# SPDX-License-Identifier: Apache-2.0
"""./dev test: the stages, each timed; failing logs; the count of what really ran. Started by ./dev.

Exit status 0 when nothing failed. The last line is `N passed, N failed, N skipped` and nothing else.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import fuzz
import results

ROOT = pathlib.Path(__file__).resolve().parents[2]
BAZEL = ROOT / "tools/dev/bazel.sh"
# Kinds of tests with a stage of their own; a test without one of these tags is a unit test.
KINDS = ("integration", "sim")
# Not "long": --test_tag_filters takes the names of sizes and time-outs for tags, too.
LONG_TAG = "extended"
SHORT_SEEDS, LONG_SEEDS, SAME_SEEDS = 200, 3000, 3
FUZZ_MINUTES = 10
TAIL_LINES = 60
NO_TESTS, TESTS_FAILED, BUILD_FAILED = 4, 3, 1


def main():
    parser = argparse.ArgumentParser(prog="./dev test")
    parser.add_argument("--long", action="store_true", help="tests tagged extended and the fuzz stage too, and 3000 seeds")
    parser.add_argument("--only", metavar="STAGE", action="append", help="some stages only (see the list it prints)")
    parser.add_argument("--packages-seconds", type=float, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()

    stages = {"lint": lint, "build": build, "unit": lambda: bazel_test(options, [], KINDS)}
    for kind in KINDS:
        stages[kind] = lambda kind=kind: not_empty(kind, bazel_test(options, [kind], []))
    stages["asan"] = lambda: bazel_test(options, ["asan"], [], "--config=asan")
    stages["tsan"] = lambda: bazel_test(options, ["tsan"], [], "--config=tsan")
    stages["simulation"] = lambda: simulation(options.long)
    if options.long:
        stages["fuzz"] = fuzzing
    unknown = set(options.only or []) - set(stages)
    if unknown:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}; there are {', '.join(stages)}")

    total, times = results.Tally(), [("packages", options.packages_seconds, None)]
    for name, run in stages.items():
        if options.only and name not in options.only:
            continue
        print(f"== {name}", flush=True)
        started = time.monotonic()
        tally = run()
        times.append((name, time.monotonic() - started, tally))
        print(f"== {name}: {times[-1][1] / 60:.1f} min, {tally.line()}", flush=True)
        total.passed += tally.passed
        total.failures += [(f"{name}: {what}", log) for what, log in tally.failures]
        total.skips += [(f"{name}: {what}", reason) for what, reason in tally.skips]
    if not options.long:
        print("tests tagged extended and the fuzz stage are left out, and the simulator ran 200 seeds of 3000: "
              "./dev test --long")
    report(total, times)
    return 1 if total.failures else 0


def report(total, times):
    logs = dict.fromkeys(log for _, log in total.failures if log)
    for log in logs:
        print(f"\n-- the end of {log}")
        if log.exists():
            print("\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:]))
    print()
    for name, log in total.failures:
        print(f"FAILED   {name}" + (f"  {log}" if log else ""))
    for name, reason in total.skips:
        print(f"SKIPPED  {name}: {reason}")
    for name, seconds, tally in times:
        print(f"{name:12} {seconds / 60:6.1f} min  {tally.line() if tally else ''}".rstrip())
    print(f"{'all':12} {sum(t[1] for t in times) / 60:6.1f} min")
    print(total.line(), flush=True)


def lint():
    """Each rule counts as one test, and so does each test of the tools themselves."""
    tally = results.Tally()
    for test in sorted(ROOT.glob("tools/**/*_test.py")):
        done = run([sys.executable, str(test)])
        count = re.search(r"^Ran (\d+) test", done.stderr, re.MULTILINE)
        failed = re.findall(r"^(?:FAIL|ERROR): (\S+)", done.stderr, re.MULTILINE)
        name = test.relative_to(ROOT)
        if done.returncode != 0:
            print(done.stderr)
        if done.returncode != 0 and not failed:
            failed = ["(did not run)"]
        tally.passed += (int(count.group(1)) if count else 0) - (len(failed) if count else 0)
        tally.failures += [(f"{name} {case}", None) for case in failed]
    done = run([sys.executable, str(ROOT / "tools/lint/lint.py")])
    print(done.stdout, end="")
    kept = re.search(r"(\d+) rules kept, (\d+) broken", done.stdout)
    if not kept:
        print(done.stderr)
        tally.failures.append(("lint (did not run)", None))
        return tally
    tally.passed += int(kept.group(1))
    broken = sorted(set(re.findall(r"^\S+:\d+: \[([\w-]+)\]", done.stdout, re.MULTILINE)))
    tally.failures += [(f"lint {rule}", None) for rule in broken]
    return tally


def build():
    """The program, and then all else that must compile."""
    tally = results.Tally()
    everything = [BAZEL, "build", "--keep_going", "--show_result=0", "//..."]
    for name, command in (("bin/isochron", [ROOT / "dev", "build"]), ("//...", everything)):
        if subprocess.run(command, cwd=ROOT, check=False).returncode == 0:
            tally.passed += 1
        else:
            tally.failures.append((f"build of {name}", None))
    return tally


def bazel_test(options, tags, without, *flags):
    """All tests with the tags, less those with another kind's tag and (unless --long) the long ones."""
    without = [*without, *([] if options.long else [LONG_TAG])]
    filters = ",".join([*tags, *(f"-{tag}" for tag in without)])
    with tempfile.TemporaryDirectory() as folder:
        events = pathlib.Path(folder, "events.json")
        status = subprocess.run(
            [BAZEL, "test", "--keep_going", "--build_tests_only", "--test_output=summary", "--test_summary=terse",
             "--ui_event_filters=-info", "--show_result=0", f"--build_event_json_file={events}", *flags,
             f"--test_tag_filters={filters}", "//..."],
            cwd=ROOT, check=False).returncode
        tally = results.from_events(events)
    if status not in (0, NO_TESTS) and not tally.failures:
        why = {BUILD_FAILED: "the build failed", TESTS_FAILED: "a test failed"}.get(status, f"status {status}")
        tally.failures.append((f"bazel test ({why})", None))
    return tally


def not_empty(kind, tally):
    """A stage whose tests were all filtered away looks like one that passed."""
    if not (tally.passed or tally.failures or tally.skips):
        tally.failures.append((f"no test tagged {kind} ran", None))
    return tally


def simulation(long):
    """No violation in seeds that are always the same nor in those of this commit; one trace a seed."""
    tally = results.Tally()
    program = ROOT / "bin/isochron"
    first = fresh_seed()
    simulate(tally, program, 1, LONG_SEEDS if long else SHORT_SEEDS)
    simulate(tally, program, first, first + SHORT_SEEDS - 1)
    # Two processes, so two layouts of memory; and with --long another compilation of the same code.
    traces = [simulate(tally, program, 1, SAME_SEEDS), simulate(tally, program, 1, SAME_SEEDS)]
    if long:
        traces.append(simulate(tally, unoptimised(), 1, SAME_SEEDS))
    if len(set(traces)) == 1 and None not in traces:
        tally.passed += 1
    else:
        tally.failures.append((f"sim: the same seeds gave different traces: {traces}", None))
    return tally


def fresh_seed():
    """The first of a range that every commit has for itself."""
    commit = run(["git", "rev-parse", "HEAD"]).stdout.strip() or "0"
    return 10_000 + int(commit[:12], 16) % 1_000_000_000


def unoptimised():
    """The simulator as the compiler leaves it without optimisation."""
    flags = ["--compilation_mode=fastbuild", "--platform_suffix=fastbuild"]
    subprocess.run([BAZEL, "build", "--show_result=0", *flags, "//sim:sim"], cwd=ROOT, check=False)
    where = run([BAZEL, "info", *flags, "bazel-bin"]).stdout.strip()
    return pathlib.Path(where, "sim/sim")


def simulate(tally, program, first, last):
    """The trace of a range without a violation, or None."""
    name = f"{program.name} sim --seeds {first}..{last}"
    command = [str(program), *(["sim"] if program.name == "isochron" else []), "--seeds", f"{first}..{last}"]
    try:
        done = run(command)
    except OSError as error:
        print(f"{name}: {error}")
        tally.failures.append((name, None))
        return None
    output = done.stdout.splitlines()
    found = re.fullmatch(r"(\d+) seeds?, (\d+) violations?, trace (\w+)", output[-1].strip()) if output else None
    if done.returncode == 0 and found and int(found.group(1)) == last - first + 1 and int(found.group(2)) == 0:
        tally.passed += 1
        print(f"{name}: {output[-1]}", *(line for line in output[:-1] if line.startswith("simulated ")), sep="\n  ")
        return found.group(3)
    print("\n".join(output[-TAIL_LINES:]), done.stderr[-4000:], sep="\n")
    tally.failures.append((name, None))
    return None


def fuzzing():
    """Ten minutes of libFuzzer for each target find nothing."""
    tally = results.Tally()
    try:
        for name, findings in fuzz.run(fuzz.targets(), FUZZ_MINUTES):
            tally.passed += 0 if findings else 1
            tally.failures += [(f"fuzz {name}: {path}", None) for path in findings]
    except subprocess.CalledProcessError:
        tally.failures.append(("the build of the fuzz targets", None))
    return not_empty("fuzz", tally)


def run(command):
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, errors="replace")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
