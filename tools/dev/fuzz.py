# SPDX-License-Identifier: Apache-2.0
"""./dev fuzz: looks for inputs that break a parser (docs/internals/fuzzing.md). Started by ./dev.

    ./dev fuzz                         names the targets
    ./dev fuzz TARGET.. [--minutes N]  libFuzzer with AddressSanitizer, N minutes (10) each
    ./dev fuzz all                     every target
    ./dev fuzz TARGET.. --save         besides, keeps what adds coverage in tests/fuzz/corpus/TARGET

What a run learns stays in the cache folder, and the next one goes on from there. Exit status 1 when something was
found: the inputs are then in the folder that is named.
"""

import argparse
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BAZEL = ROOT / "tools/dev/bazel.sh"
FUZZ = ROOT / "tests/fuzz"
CACHE = pathlib.Path(os.environ.get("DEV_CACHE")
                     or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "isochron"))
SLOW_SECONDS = 1.0
# libFuzzer's own limit is by the wall clock: far above what an input may take, for a busy machine.
LIMITS = ["-timeout=20", "-report_slow_units=2", "-rss_limit_mb=2048", "-malloc_limit_mb=256", "-max_len=4096"]
KEPT_FILES, KEPT_BYTES = 150, 200_000


def targets():
    text = (FUZZ / "BUILD.bazel").read_text()
    return re.findall(r'fuzz_target\(\s*name = "(\w+)"', text)


def main():
    parser = argparse.ArgumentParser(prog="./dev fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(targets())}; all")
    parser.add_argument("--minutes", type=float, default=10, help="of each target (10)")
    parser.add_argument("--save", action="store_true", help="keep what adds coverage in tests/fuzz/corpus")
    options = parser.parse_args()
    if not options.targets:
        print("\n".join(targets()))
        return 0
    names = targets() if options.targets == ["all"] else options.targets
    if unknown := set(names) - set(targets()):
        parser.error(f"no such target: {', '.join(sorted(unknown))}; there are {', '.join(targets())}")
    found = 0
    for name, findings in run(names, options.minutes, options.save):
        print("\n".join([f"{name}: {path}" for path in findings]), end="\n" if findings else "")
        found += len(findings)
    return 1 if found else 0


def build(names):
    """The programs, by name. A failed build raises."""
    labels = [f"//tests/fuzz:{name}" for name in names]
    subprocess.run([BAZEL, "build", "--config=fuzz", "--ui_event_filters=-info", "--show_result=0", *labels],
                   cwd=ROOT, check=True)
    folder = subprocess.run([BAZEL, "info", "--config=fuzz", "bazel-bin"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.strip()
    return {name: pathlib.Path(folder, "tests/fuzz", name) for name in names}


def run(names, minutes, save=False):
    """Yields (target, the inputs that break it) one after the other."""
    for name, program in build(names).items():
        work = CACHE / "fuzz" / name
        yield name, fuzz(name, program, work, minutes)
        if save:
            keep(name, program, work)


def environment(**more):
    return {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1", **more}


def fuzz(name, program, work, minutes):
    corpus, seeds, findings = work / "corpus", work / "seeds", work / "findings"
    for folder in (seeds, findings):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (corpus, seeds, findings):
        folder.mkdir(parents=True, exist_ok=True)
    log = work / "log"
    with log.open("wb") as out:
        subprocess.run([program, "-runs=0"], check=False, stdout=out, stderr=out, env=environment(FUZZ_SEEDS=str(seeds)))
        dictionary = FUZZ / f"{name}.dict"
        subprocess.run([program, f"-max_total_time={max(1, int(minutes * 60))}", f"-artifact_prefix={findings}/",
                        "-print_final_stats=1", *([f"-dict={dictionary}"] if dictionary.exists() else []), *LIMITS,
                        corpus, seeds, *committed(name)], check=False, stdout=out, stderr=out, env=environment())
    text = log.read_text(errors="replace")
    executions = re.findall(r"number_of_executed_units: (\d+)", text)
    coverage = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", text)
    print(f"{name}: {executions[-1] if executions else 0} executions, "
          + ("coverage {} edges, {} features, corpus {}".format(*coverage[-1]) if coverage else f"did not run: {log}"),
          flush=True)
    bad = [path for path in sorted(findings.iterdir()) if not path.name.startswith("slow-unit") or slow(program, path)]
    return bad if executions else [*bad, log]


def committed(name):
    folder = FUZZ / "corpus" / name
    return [folder] if folder.is_dir() else []


def slow(program, path):
    """Whether an input takes long by the processor's clock: libFuzzer asks the wall's."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([program, "-runs=1", path], check=False, capture_output=True, env=environment())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime > SLOW_SECONDS + 0.5


def keep(name, program, work):
    """The smallest files with the same coverage, as many as the repository takes. Those that are there stay."""
    there = FUZZ / "corpus" / name
    there.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as merged:
        for path in there.iterdir():
            shutil.copy(path, merged)
        subprocess.run([program, "-merge=1", "-max_len=1024", merged, work / "corpus"], check=False,
                       capture_output=True, env=environment())
        had = list(there.iterdir())
        files, size = len(had), sum(path.stat().st_size for path in had)
        for path in sorted(pathlib.Path(merged).iterdir(), key=lambda p: p.stat().st_size):
            size += path.stat().st_size
            if (there / path.name).exists() or files >= KEPT_FILES or size > KEPT_BYTES:
                continue
            shutil.copy(path, there / path.name[:12])
            files += 1
    print(f"{name}: {len(list(there.iterdir()))} files in {there.relative_to(ROOT)}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
