# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: open statements end, leaderships are handed over without waiting for leases, exit status 0."""

import signal
import time
import unittest

from universe import LEASE_S, SqlError, Universe, await_state, run

DRAIN_TIMEOUT_S = 25


class GracefulStopTest(unittest.TestCase):
    def test_hands_over_and_ends(self):
        with Universe() as universe:
            universe.nodes[0].sql("CREATE TABLE t (id bigint PRIMARY KEY, v bigint NOT NULL);"
                                  "INSERT INTO t VALUES (1, 0)")
            data = max(universe.leaders())
            leader = universe.node(await_state("a leader", 20, lambda: universe.leaders().get(data)))
            other = next(n for n in universe.nodes if n is not leader)
            started = time.monotonic()
            leader.signal(signal.SIGTERM)
            # Handed over, not timed out: a write through another node does not wait for the lease.
            update = "UPDATE t SET v = v + 1 WHERE id = 1"
            await_state("a write after SIGTERM", 20, lambda: "UPDATE 1" in other.sql(update, 10))
            gap = time.monotonic() - started
            self.assertEqual(leader.wait(DRAIN_TIMEOUT_S + 5), 0)
            print(f"write after {gap:.2f} s, node gone after {time.monotonic() - started:.2f} s", flush=True)
            self.assertLess(gap, LEASE_S - 0.5)
            self.assertNotIn(leader.number, universe.leaders(other).values())
            with self.assertRaises(SqlError):
                leader.sql("SELECT 1", 10)
            leader.restart()
            await_state("it serves again", 40, lambda: leader.value("SELECT v FROM t WHERE id = 1", 10) == "1")
            universe.await_caught_up()

    def test_demo_stop_and_start_again(self):
        with Universe() as universe:
            universe.nodes[0].sql("CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (1), (2)")
            self.assertEqual(run("demo", "--detach", "--data", universe.data).returncode, 1)  # it runs already
            done = run("demo", "--stop", "--data", universe.data, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            for node in universe.nodes:
                self.assertEqual(node.wait(10), 0)
            universe.start()
            self.assertEqual(universe.nodes[2].value("SELECT count(*) FROM t"), "2")


if __name__ == "__main__":
    unittest.main(verbosity=2)
