# SPDX-License-Identifier: Apache-2.0
"""isochron.hot_ranges names the index whose keys only grow, while it takes most of a group's writes, and nothing else."""

import os
import random
import subprocess
import tempfile
import unittest

from universe import Universe, await_state, clean_environment, program

CLIENTS = 4
INSERTS = 30_000  # more than there is time for
HOT = 'SELECT group_id, leader, "index", last_key, keys, writes_per_s, share FROM isochron.hot_ranges'


class Load:
    """Clients that insert one row a transaction until the end."""

    def __init__(self, nodes, insert):
        self.shells = []
        for i in range(CLIENTS):
            with tempfile.TemporaryFile("w+", dir=os.environ.get("TEST_TMPDIR")) as script:
                script.writelines(insert() for _ in range(INSERTS))
                script.seek(0)
                self.shells.append(subprocess.Popen([program(), "sql", "--target", nodes[i % len(nodes)].grpc],
                                                    stdin=script, stdout=subprocess.DEVNULL,
                                                    stderr=subprocess.DEVNULL, env=clean_environment()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for shell in self.shells:
            shell.kill()
            shell.wait()


class HotRangesTest(unittest.TestCase):
    def test_only_keys_that_grow_are_named(self):
        with Universe() as universe:
            node = universe.nodes[0]
            # Each node hands out its own block of the sequence.
            node.sql("CREATE TABLE even (k bigint PRIMARY KEY, v text);"
                     "CREATE TABLE rising (k bigserial PRIMARY KEY, v text)")
            node.sql("SELECT isochron.split('rising', 0)")
            self.assertEqual(node.rows(HOT), [])
            numbers = random.Random(3)
            with Load(universe.nodes, lambda: f"INSERT INTO even VALUES ({numbers.randrange(1 << 60)}, 'x');\n"), \
                    Load(universe.nodes, lambda: "INSERT INTO rising (v) VALUES ('x');\n"):
                [hot] = await_state("the rising keys are named", 60, lambda: node.rows(HOT))
            group, leader, index, last_key, keys, rate, share = hot
            start = node.value(f"SELECT start_key FROM isochron.groups WHERE group_id = {group}")
            self.assertEqual(start, f"{index} (0)")
            self.assertRegex(last_key, f"^{index} \\(\\d+\\)$")
            self.assertEqual(keys, "ascending")
            self.assertGreaterEqual(float(rate), 50)
            self.assertGreaterEqual(float(share), 0.5)
            self.assertIn(int(leader), [n.number for n in universe.nodes])
            await_state("it ends with the load", 60, lambda: not node.rows(HOT))


if __name__ == "__main__":
    unittest.main(verbosity=2)
