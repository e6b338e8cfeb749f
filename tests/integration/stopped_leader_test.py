# SPDX-License-Identifier: Apache-2.0
"""A leader that was frozen and wakes up believes for a moment that it leads: it must answer nothing stale."""

import re
import signal
import subprocess
import unittest

from terminal import Terminal
from universe import Universe, await_state, clean_environment, program

READERS, SESSIONS = 4, 3
READ = "SELECT v FROM t WHERE id = 1"


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
        self.assertEqual(leader.value(READ), str(written))
        terminals = [self.enterContext(Terminal(leader.grpc)) for _ in range(SESSIONS)]
        for terminal in terminals:
            self.assertEqual(self.seen_by(terminal), str(written))
        leader.signal(signal.SIGSTOP)
        try:
            gone = (None, leader.number)
            await_state("another leads", 30, lambda: universe.leaders(others[0]).get(group) not in gone, 0.1)
            for node in others:
                self.assertIn("UPDATE 1", node.sql("UPDATE t SET v = v + 1 WHERE id = 1"))
                written += 1
            # These wait in the frozen gateway's sockets, and are the first thing that it sees.
            for terminal in terminals:
                terminal.type(READ + ";")
            early = [self.reader(leader) for _ in range(READERS)]
        finally:
            leader.signal(signal.SIGCONT)
        late = [self.reader(leader) for _ in range(READERS)]
        answers = [self.read_answer(t) for t in terminals] + [self.answer(r) for r in early + late]
        print("answers of the woken node:", answers, flush=True)
        self.assertEqual(set(answers) - {None}, {str(written)}, answers)
        await_state("the woken node serves", 30, lambda: leader.value(READ, 10) == str(written))
        universe.await_caught_up()
        return written

    @staticmethod
    def reader(node):
        return subprocess.Popen([program(), "sql", "--target", node.grpc, "--format", "csv", "-e",
                                 READ], stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())

    def seen_by(self, terminal):
        terminal.type(READ + ";")
        return self.read_answer(terminal)

    @staticmethod
    def read_answer(terminal):
        """The number in a terminal's next answer; None when it was an error."""
        text = terminal.read_until(r"\(1 row\)|ERROR: .*\n", 60)
        found = re.search(r"-+\r?\n\s*(\d+)\s*\r?\n\(1 row\)", text)
        return found.group(1) if found else None

    @staticmethod
    def answer(reader):
        """What was read; None when the node refused, which is no lie."""
        out, _ = reader.communicate(timeout=60)
        return out.split()[-1] if reader.returncode == 0 else None


if __name__ == "__main__":
    unittest.main(verbosity=2)
