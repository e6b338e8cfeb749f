# SPDX-License-Identifier: Apache-2.0
"""pgbench at scale 10, a million rows: all steps of -i, its scripts in all modes, 64 clients."""

import unittest

from pgbench import PgbenchCase


class PgbenchLongTest(PgbenchCase):
    def test_scale_ten(self):
        self.initialized(scale=10)
        # Two may draw one account at a time: what a replay shows then may differ, and 40001 is the answer.
        done = self.all_scripts("-c", "16", "-j", "2", "--max-tries=10", each=100)
        self.transactions("-b", "tpcb-like", "-c", "64", "-j", "2", "-t", "50", "--max-tries=10", wanted=3200)
        self.assert_sums(done + 3200)
        for node in self.universe.nodes:
            print(f"node {node.number}: {node.resident_bytes() >> 20} MiB resident")


if __name__ == "__main__":
    unittest.main()
