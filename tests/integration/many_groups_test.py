# SPDX-License-Identifier: Apache-2.0
"""A universe of many idle groups costs little, and is led again when a node dies."""

import os
import pathlib
import time
import unittest

from universe import Universe, await_state

GROUPS = 2000  # of data
ROWS_A_GROUP = 1000
MEASURED_S = 8
# Far above what was measured (docs/internals/many_groups.md).
MAX_CPU_SHARE = 0.08
MAX_NODE_BYTES = (64 << 20) + GROUPS * (16 << 10)


def cpu_seconds(node):
    fields = pathlib.Path(f"/proc/{node.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def led(universe, nodes):
    """How many groups are led by one of the nodes."""
    numbers = {n.number for n in nodes}
    return sum(leader in numbers for leader in universe.leaders(nodes[0]).values())


class ManyGroupsTest(unittest.TestCase):
    def test_idle_then_a_node_dies(self):
        with Universe(flags=("--initial-groups", str(GROUPS))) as universe:
            await_state("every group is led", 60, lambda: led(universe, universe.nodes) == GROUPS + 1, 0.5)
            universe.nodes[0].sql("CREATE TABLE t (id bigint PRIMARY KEY, v bigint NOT NULL)")
            self.idle(universe)
            self.a_node_dies(universe)

    def idle(self, universe):
        def published():
            return universe.counters("placement.published") >= GROUPS + 1

        await_state("the tablet map is published", 60, published, 0.5)
        elections = universe.counters("paxos.elections_won")
        before = [cpu_seconds(n) for n in universe.nodes]
        time.sleep(MEASURED_S)  # the interval that is measured
        for node, used in zip(universe.nodes, before):
            share = (cpu_seconds(node) - used) / MEASURED_S
            self.assertLess(share, MAX_CPU_SHARE, f"node {node.number}: {share:.1%} of a core for idle groups")
            self.assertLess(node.resident_bytes(), MAX_NODE_BYTES, f"node {node.number}")
        # Hand-overs to preferred leaders may go on; nothing else elects.
        self.assertLess(universe.counters("paxos.elections_won") - elections, GROUPS // 10)

    def a_node_dies(self, universe):
        universe.nodes[2].kill()
        others = universe.nodes[:2]
        # Asked for, a group does not wait for its turn.
        for group in (3, 4, 5, 1500):
            others[0].sql(f"INSERT INTO t VALUES ({group * ROWS_A_GROUP}, {group})")
        await_state("the others lead every group", 40, lambda: led(universe, others) == GROUPS + 1, 0.5)
        self.assertEqual(others[1].value("SELECT count(*) FROM t"), "4")
        universe.nodes[2].restart()
        await_state("the node is back", 40, lambda: universe.nodes[2].value("SELECT count(*) FROM t") == "4", 0.5)


if __name__ == "__main__":
    unittest.main()
