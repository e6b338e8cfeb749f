# SPDX-License-Identifier: Apache-2.0
"""Real processes under faults, in short: what clients saw is legal, and the checkers that say so can fail."""

import json
import os
import sys
import tempfile
import unittest

import run_faults
from namespace import enter_namespace
from nodes import FaultUniverse

SHORT = ["kill_leader", "pause", "partition", "one_way", "ring", "unplug", "slow_sync", "full_disk", "corrupt",
         "clock_skew", "clock_step", "restart_all"]
SECONDS = 60


def options(*flags):
    return run_faults.parse([*map(str, flags)])


def operations(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class FaultsTest(unittest.TestCase):
    """One run, whose history the other tests then make illegal."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR"))
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        seed = int(os.environ.get("ISOCHRON_TEST_SEED", "1"))
        cls.report = run_faults.run(options("--seconds", SECONDS, "--seed", seed, "--faults", ",".join(SHORT),
                                            "--keep", cls.folder))
        run_faults.print_report(cls.report)

    def test_nothing_wrong_was_found(self):
        self.assertEqual(self.report["findings"], [])
        self.assertGreaterEqual(len(self.report["each"]), 5)
        for workload, count in self.report["operations"].items():
            self.assertGreater(count, 100, workload)

    def doctored(self, change, name="append.jsonl"):
        """What the checkers say when `change` was made to the operations."""
        history = operations(os.path.join(self.folder, name))
        change(history)
        path = os.path.join(self.folder, "doctored.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(operation) + "\n" for operation in history)
        return run_faults.check(path)

    @staticmethod
    def committed(history, *members):
        return [o for o in history if o["outcome"] == "committed" and all(o.get(m) for m in members)]

    def test_a_history_as_it_is_passes(self):
        for name in ("append.jsonl", "register.jsonl"):
            self.assertEqual(self.doctored(lambda history: None, name), "")

    def test_a_write_that_nobody_made_is_found(self):
        def remove(history):
            written = self.committed(history, "appends")
            history.remove(written[len(written) // 2])

        self.assertIn("nobody", self.doctored(remove))

    def test_an_acknowledged_write_that_was_lost_is_found(self):
        def lose(history):
            victim = self.committed(history, "appends")[-1]
            key, value = victim["writes"][0]
            element = victim["appends"][0][1]
            # All that read it read what was there before.
            for operation in history:
                for read in operation.get("reads", []):
                    if read[0] == key and read[1] and read[1].startswith(value):
                        read[1] = value[:-len(element)].rstrip(",") or None
                for read in operation.get("lists", []):
                    if read[0] == key and element in read[1]:
                        read[1] = read[1][:read[1].index(element)]

        self.assertIn("stale-read", self.doctored(lose))

    def test_an_old_value_is_found(self):
        def age(history):
            # Not a row that is not there: who deleted it may be one of whom nobody heard.
            values = {}
            for operation in sorted(self.committed(history, "writes"), key=lambda o: o["ts"]):
                for key, value in operation["writes"]:
                    values.setdefault(key, []).append(value)
            last = next(o for o in reversed(self.committed(history, "reads")) if o["kind"] == "ro")
            read = next(r for r in last["reads"] if r[1] and r[1] in values.get(r[0], [])[2:])
            read[1] = next(v for v in values[read[0]] if v)

        self.assertIn("stale-read", self.doctored(age, "register.jsonl"))

    def test_an_answer_before_its_time_is_found(self):
        def hasten(history):
            victim = self.committed(history, "writes")[10]
            victim["complete_us"] = victim["ts"] - 1

        self.assertNotEqual(self.doctored(hasten), "")


class FalseClockTest(unittest.TestCase):
    """A clock beyond its bound, where no other node could notice: the checkers do."""

    def test_is_found(self):
        with FaultUniverse(count=1) as universe:
            universe.nodes[0].kill()
            universe.nodes[0].shim.set(both_offset_us=-1_000_000)
            universe.nodes[0].restart()
            universe.await_all_serve()
            given = options("--seconds", 3, "--workloads", "append")
            load = run_faults.Load("append", universe, given, given.seconds)
            _, finding = load.finish(90)
            self.assertEqual(finding, "")
            self.assertIn("commit-before-begin", run_faults.check(load.history))


if __name__ == "__main__":
    reason = enter_namespace()
    if reason:
        print(f"ISOCHRON_SKIPPED: {reason}")
        sys.exit(0)
    unittest.main(verbosity=2)
