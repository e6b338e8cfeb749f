# SPDX-License-Identifier: Apache-2.0
"""A leader that was frozen and wakes up believes for a moment that it leads: it must answer nothing stale."""

import signal
import subprocess
import unittest

from universe import Universe, await_state, clean_environment, program

READERS = 6


class StoppedLeaderTest(unittest.TestCase):
    def test_wakes_up_into_the_past(self):
        with Universe() as universe:
            universe.nodes[0].sql("CREATE TABLE t (id bigint PRIMARY KEY, v bigint NOT NULL);"
                                  "INSERT INTO t VALUES (1, 0)")
            # Before any split one group holds every table, the one after the system group.
            group = max(universe.leaders())
            written = 0
            for turn in range(2):
                with self.subTest(turn=turn):
                    written = self.freeze_once(universe, group, written)

    def freeze_once(self, universe, group, written):
        leader = universe.node(await_state("a leader", 20, lambda: universe.leaders().get(group)))
        others = [n for n in universe.nodes if n is not leader]
        # Both know the leader and have a lease with it when it is frozen.
        self.assertEqual(leader.value("SELECT v FROM t WHERE id = 1"), str(written))
        leader.signal(signal.SIGSTOP)
        try:
            gone = (None, leader.number)
            await_state("another leads", 30, lambda: universe.leaders(others[0]).get(group) not in gone, 0.1)
            for node in others:
                self.assertIn("UPDATE 1", node.sql("UPDATE t SET v = v + 1 WHERE id = 1"))
                written += 1
            # These wait in the frozen gateway's socket, and are the first thing that it sees.
            early = [self.reader(leader) for _ in range(READERS)]
        finally:
            leader.signal(signal.SIGCONT)
        late = [self.reader(leader) for _ in range(READERS)]
        answers = [self.answer(r) for r in early + late]
        self.assertEqual(set(answers) - {None}, {str(written)}, answers)
        read = "SELECT v FROM t WHERE id = 1"
        await_state("the woken node serves", 30, lambda: leader.value(read, 10) == str(written))
        universe.await_caught_up()
        return written

    @staticmethod
    def reader(node):
        return subprocess.Popen([program(), "sql", "--target", node.grpc, "--format", "csv", "-e",
                                 "SELECT v FROM t WHERE id = 1"], stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())

    @staticmethod
    def answer(reader):
        """What was read; None when the node refused, which is no lie."""
        out, _ = reader.communicate(timeout=60)
        return out.split()[-1] if reader.returncode == 0 else None


if __name__ == "__main__":
    unittest.main(verbosity=2)
