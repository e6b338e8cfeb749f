# SPDX-License-Identifier: Apache-2.0
"""The fault runner: five real nodes, clients that record what they see, one fault after the other, then the checkers.

    python3 tests/faults/run_faults.py --minutes 30 --seed 7
    python3 tests/faults/run_faults.py --seconds 60 --faults kill,ring --json

Each workload's history is read by the checkers of the simulator (`isochron sim --check-history`), bank checks its
own books. Then: operations, faults by kind, the longest gap in service per fault. Exit status 1 when anything was
wrong; --keep DIR keeps histories and logs. It runs as any user that may make namespaces (unshare -Urnm).
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import gaps
import universe as processes
from faults import FAULTS
from namespace import enter_namespace
from nodes import FaultUniverse, complain

WORKLOADS = ("append", "register", "bank")
# What a client waits for one answer.
CLIENT_TIMEOUT_MS = 4000
# A fault's trouble should not run into the next one's.
BETWEEN_S = 1.5
# Faults end before the load does, so that it is seen to go on.
CALM_S = 4


class Load:
    """One `isochron bench` beside the faults."""

    def __init__(self, workload, universe, options, seconds):
        self.workload = workload
        self.ended = False
        self.history = None if workload == "bank" else os.path.join(universe.root, f"{workload}.jsonl")
        self.output, self.errors = (pathlib.Path(universe.root, f"{workload}.{end}") for end in ("out", "err"))
        flags = ["--target", universe.targets(), "--clients", options.clients, "--seconds", seconds, "--json",
                 "--seed", options.seed, "--timeout-ms", CLIENT_TIMEOUT_MS]
        if workload == "bank":
            flags += ["--accounts", 60]
        else:
            flags += ["--history", self.history]
        with open(self.output, "wb") as output, open(self.errors, "wb") as errors:
            self.process = subprocess.Popen([processes.program(), "bench", workload, *map(str, flags)],
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                                            env=processes.clean_environment())

    def running(self):
        return self.process.poll() is None

    def end(self):
        """Early: there will be no report."""
        if self.running():
            self.process.kill()
        self.process.wait()
        self.ended = True

    def finish(self, seconds):
        """Its report, and what it found to be wrong."""
        if self.ended:
            return {}, ""
        status = self.process.wait(seconds)
        text, errors = (path.read_text(errors="replace") for path in (self.output, self.errors))
        report = json.loads(text) if text.strip() else {}
        return report, "" if status == 0 else f"bench {self.workload}: exit {status}: {errors.strip()[-600:]}"


def check(history):
    """What the checkers say of a recorded history; nothing when it is legal."""
    done = processes.run("sim", "--check-history", history, timeout=600)
    if done.returncode == 0:
        return ""
    lines = [line[:300] for line in (done.stdout + done.stderr).splitlines()]
    return "\n".join([os.path.basename(history), *lines[:40]])


class Run:
    def __init__(self, universe, options):
        self.universe = universe
        self.options = options
        self.rng = random.Random(options.seed)
        self.done = []
        self.findings = []

    def apply(self, name):
        began = time.time()
        what = FAULTS[name](self.universe, self.rng, time.sleep)
        self.universe.await_all_serve()
        time.sleep(BETWEEN_S)
        entry = {"fault": name, "what": what, "began": began, "ended": time.time()}
        self.done.append(entry)
        if not self.options.json:
            print(f"{entry['ended'] - self.started:7.1f} s  {name:12} {what}", flush=True)

    def break_things(self, loads):
        """One fault after the other until the time is over."""
        processes.await_state("the loads run", 60, lambda: all(
            not l.running() or l.history is None or os.path.exists(l.history) and os.path.getsize(l.history) > 1000
            for l in loads))
        queue = []
        while time.time() < self.started + self.options.seconds - CALM_S and all(l.running() for l in loads):
            if not queue:
                queue = self.rng.sample(self.options.faults, len(self.options.faults))
            self.apply(queue.pop())

    def run(self):
        seconds = self.options.seconds
        self.started = time.time()
        loads = [Load(w, self.universe, self.options, seconds) for w in self.options.workloads]
        try:
            self.break_things(loads)
        except AssertionError as error:  # the universe did not come back; what was recorded is checked all the same
            self.findings.append(f"after {time.time() - self.started:.1f} s: {error}")
            for load in loads:
                load.end()
        except BaseException:
            for load in loads:
                load.end()
            raise
        reports = {}
        for load in loads:
            reports[load.workload], finding = load.finish(seconds + 120)
            self.findings += [finding] if finding else []
        for load in loads:
            finding = check(load.history) if load.history else ""
            self.findings += [finding] if finding else []
        for node in self.universe.nodes:
            if "CHECK failed" in node.log_text():
                self.findings.append(f"node {node.number} died of a broken invariant; see its log")
        return self.report(loads, reports)

    def report(self, loads, reports):
        answers = gaps.Answers([l.history for l in loads if l.history])
        for entry in self.done:
            entry["gap_s"] = round(answers.longest_gap(entry["began"], entry["ended"]), 2)
            entry["seconds"] = round(entry.pop("ended") - entry["began"], 1)
            entry["began"] = round(entry["began"] - self.started, 1)
        kinds = {}
        for entry in self.done:
            kind = kinds.setdefault(entry["fault"], {"times": 0, "longest_gap_s": 0})
            kind["times"] += 1
            kind["longest_gap_s"] = max(kind["longest_gap_s"], entry["gap_s"])
        return {"seed": self.options.seed, "seconds": round(time.time() - self.started, 1),
                "operations": {w: r.get("ops", 0) for w, r in reports.items()},
                "unknown": {w: r.get("unknown", 0) for w, r in reports.items()},
                "errors": {w: r.get("errors", 0) for w, r in reports.items()},
                "faults": dict(sorted(kinds.items())), "each": self.done, "findings": self.findings}


def print_report(report):
    print(f"\nseed {report['seed']}, {report['seconds']} s; acknowledged operations: "
          + ", ".join(f"{w} {n}" for w, n in report["operations"].items())
          + f"; outcome unknown {sum(report['unknown'].values())}, failed {sum(report['errors'].values())}")
    print(f"{'fault':14}{'times':>6}{'longest gap in service, s':>28}")
    for name, kind in report["faults"].items():
        print(f"{name:14}{kind['times']:>6}{kind['longest_gap_s']:>28.2f}")
    print("\n".join(report["findings"]) or "nothing wrong was found", flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="run_faults.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float)
    length.add_argument("--seconds", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", default=",".join(FAULTS), help="some only, by commas: " + " ".join(FAULTS))
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--clients", type=int, default=5, help="of each workload")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--keep", metavar="DIR", help="keep histories and logs there")
    options = parser.parse_args(arguments)
    options.seconds = int(options.minutes * 60) if options.minutes else options.seconds or 60
    for given, known in (("faults", FAULTS), ("workloads", WORKLOADS)):
        setattr(options, given, getattr(options, given).split(","))
        unknown = set(getattr(options, given)) - set(known)
        if unknown:
            parser.error(f"--{given}: there is no {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return options


def keep(universe, folder):
    os.makedirs(folder, exist_ok=True)
    for pattern in ("*.jsonl", "*.err", "data/*.log"):
        for path in pathlib.Path(universe.root).glob(pattern):
            shutil.copy(path, folder)


def run(options):
    """The report."""
    with FaultUniverse() as universe:
        runner = Run(universe, options)
        try:
            universe.await_all_serve()
            return runner.run()
        finally:
            if options.keep:
                keep(universe, options.keep)


def main():
    options = parse(sys.argv[1:])
    reason = enter_namespace()
    if reason:
        complain(f"cannot break a network here: {reason}")
        return 2
    report = run(options)
    print(json.dumps(report)) if options.json else print_report(report)
    return 1 if report["findings"] else 0


if __name__ == "__main__":
    sys.exit(main())
