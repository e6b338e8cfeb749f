# SPDX-License-Identifier: Apache-2.0
"""`isochron bench`: every workload runs and reports what it should. Nothing is asserted of speed."""

import json
import unittest

from universe import Universe, run

FIELDS = ("ops_s p50_ms p99_ms aborts errors server_cpu_s_per_1000 lock_wait_ms paxos_ms two_pc_ms "
          "commit_wait_hidden_ms commit_wait_exposed_ms multi_group_share").split()


class BenchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.universe = Universe().__enter__()
        cls.addClassCleanup(cls.universe.__exit__, None, None, None)

    def bench(self, workload, *flags):
        targets = ",".join(n.grpc for n in self.universe.nodes)
        done = run("bench", workload, "--target", targets, "--clients", 4, "--seconds", 1, "--keys", 300,
                   "--json", *flags, timeout=90)
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual([f for f in FIELDS if f not in report], [])
        self.assertEqual(report["errors"], 0, done.stderr)
        self.assertGreater(report["ops"], 0)
        return report

    def test_kv_with_batches_counts_rows(self):
        report = self.bench("kv", "--batch", 20, "--read-share", 0, "--value-size", 10)
        self.assertAlmostEqual(report["rows_s"], 20 * report["ops_s"], delta=20)
        self.assertEqual(report["commits"], report["ops"])

    def test_a_skewed_load_is_skewed(self):
        self.assertGreater(self.bench("kv", "--skew", 0.9)["ops"], 0)

    def test_a_rate_is_kept_and_not_exceeded(self):
        report = self.bench("kv", "--rate", 40)
        self.assertEqual(report["rate"], 40)
        self.assertLessEqual(report["ops"], 44)  # one each may be due in the last instant
        self.assertGreaterEqual(report["p99_since_due_ms"], report["p50_since_due_ms"])

    def test_reads_in_the_past_find_their_rows(self):
        for bound in ("exact", "max", "min", "at", "strong"):
            report = self.bench("snapshot", "--staleness-ms", 500, "--bound", bound, "--batch", 5)
            self.assertEqual((report["short_reads"], report["commits"]), (0, 0), bound)

    def test_ycsb(self):
        for letter in "abcdef":
            self.bench(f"ycsb-{letter}", "--value-size", 50)

    def experiment(self, *args):
        done = run("bench", *args, "--seconds", 1, "--json", timeout=150)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["rows"]

    def test_table3_in_short(self):
        rows = self.experiment("table3", "--replicas", "1D,1", "--groups", 4, "--clients", 4)
        self.assertEqual([r["replicas"] for r in rows], ["1D", "1"])
        self.assertEqual([k for k in ("write", "read_only", "snapshot") if k in rows[0]], ["write"])
        for kind in ("write", "read_only", "snapshot"):
            for field in ("ms", "kops_s", "paper_ms", "paper_kops_s"):
                self.assertGreater(rows[1][kind][field], 0, (kind, field))

    def test_table4_in_short(self):
        rows = self.experiment("table4", "--participants", "1,5")
        self.assertEqual([r["participants"] for r in rows], [1, 5])
        self.assertGreater(rows[1]["two_pc_ms"], 0)
        self.assertEqual(run("bench", "table4", "--participants", "3").returncode, 2)

    def test_flags_are_checked(self):
        for flags, says in ((("--skew", "1.5"), "0.999"), (("--batch", 0), "--batch"), (("--bound", "old"), "exact")):
            done = run("bench", "kv", *flags)
            self.assertEqual(done.returncode, 2, flags)
            self.assertIn(says, done.stderr)
        self.assertEqual(run("bench", "ycsb-g").returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
