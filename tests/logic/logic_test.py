# SPDX-License-Identifier: Apache-2.0
"""Every case gives the answers that PostgreSQL 15 gave, over one split and over many."""

import os
import unittest

import logic
from universe import Universe


class LogicTest(unittest.TestCase):
    def check(self, many):
        # One node: what is asked here is what statements mean, not what faults do.
        with Universe(flags=["--regions", "1"]) as universe:
            asked = 0
            for path in sorted(logic.CASES.glob("*.sql")):
                server = logic.Server(universe.nodes[0].pg)
                expected = logic.read_expected(path.with_suffix(".out").read_text())
                statements = [s for s in logic.parse(path.read_text()) if s.mark != "skip"]
                self.assertEqual([s.text for s in statements if s.mark != "split"], [t for t, _ in expected],
                                 f"{path.name} and its answers do not fit: run compare.py --write {path.stem}")
                wrong = []
                answers = logic.run(server, statements, logic.splitter(server) if many else None)
                for (s, answer), (_, wanted) in zip(answers, expected):
                    asked += 1
                    if answer != wanted:
                        wrong.append("\n".join([f"{path.name}:{s.line}: {s.text}", *("  wanted  " + l for l in wanted),
                                                *("  was     " + l for l in [*answer, *server.messages])]))
                self.assertFalse(wrong, f"{len(wrong)} answers are wrong:\n" + "\n".join(wrong[:20]))
                server.close()
            print(f"{asked} statements, {'many splits' if many else 'one split'}")
            return asked

    def test_one_split(self):
        self.assertGreater(self.check(False), int(os.environ.get("LOGIC_MINIMUM", "1")))

    def test_many_splits(self):
        self.check(True)


if __name__ == "__main__":
    unittest.main()
