# SPDX-License-Identifier: Apache-2.0
"""Groups that hold much are split by themselves, and merged again once they count as small; what somebody asked for stays."""

import unittest

from universe import SqlError, Universe, await_state

ROWS, ROW_BYTES = 400, 2000
SUM = "SELECT count(*), sum(id), sum(length(v)) FROM t"


class MergeBySizeTest(unittest.TestCase):
    def restart_with(self, universe, *flags):
        for node in universe.nodes:
            node.kill()
        for node in universe.nodes:
            node.command += flags
            node.restart()
        for node in universe.nodes:
            await_state(f"node {node.number} serves again", 75, lambda n=node: n.rows("SELECT count(*) FROM t", 10))

    def groups(self, universe):
        def led():
            leaders = universe.leaders()
            return len(leaders) if None not in leaders.values() else 0

        return await_state("each group has a leader", 60, led)

    def test_large_groups_are_split_and_small_ones_merged(self):
        with Universe() as universe:
            node = universe.nodes[0]
            node.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text NOT NULL)")
            self.restart_with(universe, "--split-size", "128KiB", "--merge-after", "0")
            node.sql(f"SELECT isochron.split('t', {ROWS // 2})")
            asked_for = self.groups(universe)
            for first in range(0, ROWS, 50):
                rows = ", ".join(f"({i}, '{str(i % 10) * ROW_BYTES}')" for i in range(first, first + 50))
                node.sql(f"INSERT INTO t VALUES {rows}", 60)
            wanted = node.rows(SUM)
            await_state("large groups are split", 90, lambda: self.groups(universe) >= asked_for + 2, 0.5)
            grown = self.groups(universe)
            self.assertEqual(node.rows(SUM), wanted)
            self.restart_with(universe, "--split-size", "64MiB", "--merge-after", "2s")
            await_state("small groups are merged", 120, lambda: self.groups(universe) == asked_for, 0.5)
            print(f"{asked_for} groups, {grown} by size, {asked_for} again;"
                  f" {universe.counters('placement.merges_by_size')} merges by size", flush=True)
            for each in universe.nodes:
                self.assertEqual(each.rows(SUM), wanted)
            node.sql("UPDATE t SET v = 'x' WHERE id % 3 = 0", 60)
            self.assertEqual(node.value("SELECT count(*) FROM t WHERE v = 'x'"), str((ROWS + 2) // 3))
            with self.assertRaises(SqlError) as raised:
                node.sql("SELECT isochron.merge('nowhere', 1)")
            self.assertEqual(raised.exception.state, "42P01")


if __name__ == "__main__":
    unittest.main(verbosity=2)
