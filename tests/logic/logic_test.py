# SPDX-License-Identifier: Apache-2.0
"""Every case gives the answers that PostgreSQL 15 gave, or those that are kept as ours, over one split and over many."""

import sys
import unittest

import logic
from universe import Universe

# Statements there are at least.
MINIMUM = 4500


class LogicTest(unittest.TestCase):
    def check(self, many):
        # One node: what is asked here is what statements mean, not what faults do.
        asked = other = 0
        with Universe(flags=["--regions", "1"]) as universe:
            for path in sorted(logic.CASES.glob("*.sql")):
                with self.subTest(path.name):
                    counts = self.case(path, universe.nodes[0].pg, many)
                    asked, other = asked + counts[0], other + counts[1]
        print(f"{asked} statements over {'many splits' if many else 'one split'}; {other} not as PostgreSQL answers",
              file=sys.stderr)
        return asked

    def case(self, path, address, many):
        statements = [s for s in logic.parse(path.read_text()) if s.mark != "skip"]
        expected = logic.read_expected(path.with_suffix(".out").read_text())
        ours = logic.read_ours(path.with_suffix(".ours"))
        self.assertEqual([s.text for s in statements if s.mark != "split"], [t for t, _ in expected],
                         f"{path.name} and its answers do not fit: run compare.py --write {path.stem}")
        server = logic.Server(address)
        split = logic.splitter(server)
        wrong, number = [], 0
        for s in statements:
            if s.mark == "split":
                if many:
                    split(s.text.split())
                continue
            answer, wanted = server.ask(s.text), ours.get(number, expected[number][1])
            number += 1
            if answer != wanted:
                wrong.append("\n".join([f"{path.name}:{s.line}: {s.text}", *("  wanted  " + l for l in wanted),
                                        *("  was     " + l for l in [*answer, *server.messages])]))
        server.close()
        self.assertFalse(wrong, f"{len(wrong)} answers are not as kept:\n" + "\n".join(wrong[:20]))
        return number, len(ours)

    def test_one_split(self):
        self.assertGreater(self.check(False), MINIMUM)

    def test_many_splits(self):
        self.check(True)


if __name__ == "__main__":
    unittest.main()
