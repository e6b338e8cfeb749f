# SPDX-License-Identifier: Apache-2.0
"""`isochron verify`: good of a universe under load, and what one replica holds differently is found and named."""

import json
import pathlib
import subprocess
import unittest

import universe as processes
from universe import ROOT, Universe, await_state, run

ROWS = 300
MARKER, CHANGED = "what-all-replicas-hold", "what-one-replica-holds"


def holds(node, text):
    """Whether the node's store has flushed it."""
    return any(text.encode() in file.read_bytes() for file in pathlib.Path(node.data, "store").glob("**/*.sst"))


class VerifyTest(unittest.TestCase):
    def setUp(self):
        self.universe = self.enterContext(Universe())
        first = self.universe.nodes[0]
        first.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text)")
        first.sql("INSERT INTO t VALUES " + ", ".join(f"({i}, 'row {i}')" for i in range(ROWS)))
        first.sql("SELECT isochron.split('t', 100)")
        first.sql(f"UPDATE t SET v = '{MARKER}' WHERE id = 200")
        # What it compares lies a second in the past.
        await_state("the rows are compared", 30, lambda: self.verify(0, "--probes", 0)["replicas"][0]["rows"] >= ROWS)

    def targets(self):
        return ",".join(n.grpc for n in self.universe.nodes)

    def verify(self, status, *flags):
        """What it says, by kind."""
        done = run("verify", "--json", "--target", self.targets(), *flags, timeout=120)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        said = {}
        for line in done.stdout.splitlines():
            entry = json.loads(line)
            said.setdefault(entry["kind"], []).append(entry)
        return said

    def test_good_while_it_is_loaded(self):
        load = subprocess.Popen([processes.program(), "bench", "bank", "--target", self.targets(), "--clients", "3",
                                 "--seconds", "8", "--json"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                env=processes.clean_environment())
        try:
            said = self.verify(0, "--probes", 10)
        finally:
            _, errors = load.communicate(timeout=60)
        self.assertEqual(load.returncode, 0, errors)
        self.assertNotIn("finding", said)
        [replicas], [probe] = said["replicas"], said["probe"]
        self.assertGreaterEqual(replicas["rows"], ROWS)
        self.assertGreaterEqual(replicas["groups"], 3)
        self.assertEqual((probe["acknowledged"], probe["failed"]), (10, 0))
        # Without a probe nothing is written.
        before = self.universe.counters("gateway.commits")
        self.assertNotIn("probe", self.verify(0, "--probes", 0))
        self.assertEqual(self.universe.counters("gateway.commits"), before)

    def test_a_replica_that_differs_is_named(self):
        node = self.universe.nodes[2]
        # A merge flushes the stores, where the row can be changed.
        node.sql("SELECT isochron.split('t', 250)")
        node.sql("SELECT isochron.merge('t', 250)", 60)
        await_state("the row is in the store", 30, lambda: holds(node, MARKER))
        self.universe.await_caught_up()
        node.signal(15)
        self.assertEqual(node.wait(40), 0)
        done = subprocess.run([ROOT / "tests/integration/edit_store", f"{node.data}/store", MARKER, CHANGED],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.strip(), "1")
        node.restart()
        await_state("the node serves again", 40, lambda: node.value("SELECT count(*) FROM t") == str(ROWS))
        self.universe.await_caught_up()
        said = self.verify(1)
        [finding] = said["finding"]
        self.assertIn("replicas differ", finding["message"])
        by_nodes = sorted(content["nodes"] for content in finding["contents"])
        self.assertEqual(by_nodes, [[1, 2], [3]])
        # The other replicas' group is the one that holds the row.
        groups = self.universe.nodes[0].rows("SELECT group_id FROM isochron.groups ORDER BY group_id")
        self.assertIn([str(finding["group"])], groups)
        # What docs/operating/verify.md says to do.
        group = finding["group"]
        first = self.universe.nodes[0]
        first.sql(f"SELECT isochron.remove_replica({group}, 3)", 60)
        await_state("node 3 has the group again", 40, lambda: first.sql(f"SELECT isochron.add_replica({group}, 3)"), 0.5)
        self.assertNotIn("finding", self.verify(0))


class WrongUseTest(unittest.TestCase):
    def test_wrong_use(self):
        self.assertEqual(run("verify", "--probe", "1").returncode, 2)
        self.assertEqual(run("verify", "now").returncode, 2)
        self.assertEqual(run("verify", "--probes", "many").returncode, 2)
        done = run("verify", "--target", "127.0.0.1:1", "--timeout", "2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("isochron verify: ", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
