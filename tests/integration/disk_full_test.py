# SPDX-License-Identifier: Apache-2.0
"""Disks that run full: new writes are refused with a reserve left, reads go on, and room is all that recovery takes.

Each node gets a small file system of its own in memory, in a namespace that this test makes for itself.
"""

import os
import pathlib
import subprocess
import unittest

import universe as processes
from namespace import enter_namespace
from universe import SqlError, Universe, await_state

DISK_MIB, RESERVE_MIB = 160, 48


class SmallDisks(Universe):
    """The data folder of each node is a file system of DISK_MIB."""

    def start(self):
        for number in (1, 2, 3):
            folder = pathlib.Path(self.data, f"node-{number}")
            folder.mkdir(parents=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", folder], check=True)
        super().start()

    @staticmethod
    def fill(node, left_mib):
        found = os.statvfs(node.data)
        size = found.f_bavail * found.f_frsize - (left_mib << 20)
        with open(pathlib.Path(node.data, "log", "ballast"), "wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)

    @staticmethod
    def free(node):
        pathlib.Path(node.data, "log", "ballast").unlink()


class DiskFullTest(unittest.TestCase):
    def level(self, universe, via, node):
        found = via.rows("SELECT value FROM isochron.counters WHERE name = 'disk.level'"
                         f" AND node = {node.number}", 10)
        return int(found[0][0]) if found else None

    def await_level(self, universe, via, node, level):
        await_state(f"node {node.number} at level {level}", 30, lambda: self.level(universe, via, node) == level)

    def test_runs_full_and_recovers(self):
        with SmallDisks() as universe:
            first, second, third = universe.nodes
            first.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text NOT NULL); INSERT INTO t VALUES (1, 'a')")
            # One disk is low: leadership goes to others, and everything goes on.
            universe.fill(first, RESERVE_MIB - 8)
            self.await_level(universe, second, first, 1)
            await_state("leadership has left the low disk", 40,
                        lambda: first.number not in universe.leaders(second).values())
            second.sql("INSERT INTO t VALUES (2, 'b')")
            # All are low: new writes are refused, with a reason; reads go on.
            for node in (second, third):
                universe.fill(node, RESERVE_MIB - 8)
                self.await_level(universe, second, node, 1)
            with self.assertRaises(SqlError) as refused:
                second.sql("INSERT INTO t VALUES (3, 'c')")
            self.assertEqual(refused.exception.state, "53100", refused.exception.text)
            for part in ("MiB of disk left", "--disk-reserve", "reads go on", "free space"):
                self.assertIn(part, refused.exception.text)
            for node in universe.nodes:
                self.assertEqual(node.rows("SELECT id FROM t ORDER BY id"), [["1"], ["2"]])
            # Nothing left at all on one of them: it lives, and the others' room is enough for the universe.
            universe.free(third)
            universe.fill(third, 0)
            universe.free(first)
            universe.free(second)
            for node in (first, second):
                self.await_level(universe, second, node, 0)
            await_state("writing resumed", 40, lambda: second.sql("INSERT INTO t VALUES (3, 'c')"))
            self.assertTrue(third.alive())
            self.assertEqual(self.level(universe, second, third), 2)
            # Room is all that recovery takes.
            universe.free(third)
            self.await_level(universe, second, third, 0)
            universe.await_caught_up()
            for node in universe.nodes:
                self.assertTrue(node.alive())
                self.assertEqual(node.rows("SELECT id FROM t ORDER BY id"), [["1"], ["2"], ["3"]])


if __name__ == "__main__":
    # The default reserve is larger than these disks.
    clean = processes.clean_environment()
    processes.clean_environment = lambda: clean | {"ISOCHRON_DISK_RESERVE": f"{RESERVE_MIB}MiB"}
    reason = enter_namespace()
    if reason:
        DiskFullTest = unittest.skip(reason)(DiskFullTest)
    unittest.main(verbosity=2)
