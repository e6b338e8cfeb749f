# SPDX-License-Identifier: Apache-2.0
"""A thousand random statements give the answers of a PostgreSQL beside it; random_compare.py asks as many as one likes."""

import os
import unittest

import judge
import random_compare
from universe import Universe

SEED, COUNT = 1, 1000


class RandomCompareTest(unittest.TestCase):
    @unittest.skipIf(judge.find() is None, "PostgreSQL 15 is not installed: postgresql-15 of Debian")
    def test_the_same_answers(self):
        with judge.Judge() as theirs, Universe(flags=["--regions", "1"]) as universe:
            comparison = random_compare.Comparison(theirs.address, universe.nodes[0].pg)
            seed = int(os.environ.get("LOGIC_SEED", SEED))
            for i in range(0, COUNT, random_compare.A_SEED):
                comparison.seed(seed + i // random_compare.A_SEED, random_compare.A_SEED)
        self.assertGreater(comparison.asked, COUNT)
        self.assertEqual(comparison.wrong, 0)
        self.assertLessEqual(set(comparison.refused), {"a window function is not supported yet"})
        # Nearly all are meant to work.
        self.assertLess(comparison.failed + comparison.late, comparison.asked // 10)


if __name__ == "__main__":
    unittest.main()
