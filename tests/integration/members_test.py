# SPDX-License-Identifier: Apache-2.0
"""Replicas come and go under transfers: three are grown to five, one folder is lost, five shrink to three.

The load and its books are crash_test's: nothing acknowledged may be lost, every sum is right, and no
group stops for longer than a crash is allowed to stop it.
"""

import pathlib
import shutil
import time
import unittest

import crash_test
from crash_test import ACCOUNTS, LONGEST_GAP_S, OPENING, PARTS, Load
from universe import Universe, await_state


class MembersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # One region: the first three nodes vote, the others have no replica yet.
        cls.universe = Universe(flags=["--regions", "1", "--nodes-per-region", "5"]).__enter__()
        cls.addClassCleanup(cls.universe.__exit__, None, None, None)
        first = cls.universe.nodes[0]
        first.sql("CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint NOT NULL)")
        first.sql("CREATE TABLE ledger (client bigint, number bigint, source bigint, target bigint,"
                  " amount bigint, PRIMARY KEY (client, number))")
        first.sql("INSERT INTO accounts VALUES " + ",".join(f"({i},{OPENING})" for i in range(ACCOUNTS)))
        for account in range(ACCOUNTS // PARTS, ACCOUNTS, ACCOUNTS // PARTS):
            first.sql(f"SELECT isochron.split('accounts', {account})")

    def replicas(self, via):
        """Group -> {node: kind}."""
        found = {}
        for group, node, kind in via.rows("SELECT group_id, node, kind FROM isochron.replicas", 10):
            found.setdefault(int(group), {})[int(node)] = kind
        return found

    def await_voters(self, numbers):
        wanted = {number: "voter" for number in numbers}
        via = self.universe.nodes[0]
        await_state(f"all groups have the voters {numbers}", 30,
                    lambda: all(r == wanted for r in self.replicas(via).values()), 0.2)

    def for_all_groups(self, call, *nodes):
        via = self.universe.nodes[0]
        for group in sorted(self.replicas(via)):
            for node in nodes:
                via.sql(f"SELECT isochron.{call}({group}, {node})", 60)

    def refuses_to_vote(self, lost):
        """Started as if its empty folder began the universe, it is found out, and ends."""
        lost.command.append("--bootstrap")
        lost.restart()
        self.assertEqual(lost.wait(30), 1)
        lost.command.remove("--bootstrap")
        text = pathlib.Path(lost.log_file()).read_text()
        self.assertIn("knows node 3 with another data folder", text)
        self.assertIn("empty this folder, start with --join", text)
        shutil.rmtree(lost.data)

    def test_grow_replace_shrink(self):
        load = Load(self.universe)
        load.start()
        self.addCleanup(load.stop)
        try:
            await_state("transfers run", 30, lambda: load.count() > 10)
            began = time.monotonic()
            self.for_all_groups("add_replica", 4, 5)
            self.await_voters([1, 2, 3, 4, 5])
            grown = time.monotonic()

            lost = self.universe.node(3)
            lost.kill()
            shutil.rmtree(lost.data)
            self.refuses_to_vote(lost)
            lost.command.append("--join")
            lost.restart()
            await_state("node 3 serves again", 40, lambda: lost.value("SELECT count(*) FROM accounts", 10))
            self.assertNotIn(3, {n for r in self.replicas(lost).values() for n in r})
            self.for_all_groups("remove_replica", 3)
            self.for_all_groups("add_replica", 3)
            self.await_voters([1, 2, 3, 4, 5])
            replaced = time.monotonic()

            self.for_all_groups("remove_replica", 4, 5)
            self.await_voters([1, 2, 3])
            ended = time.monotonic()
        finally:
            load.stop()
        gap = load.longest_gap(began, ended)
        print(f"grown in {grown - began:.1f} s, replaced in {replaced - grown:.1f} s, shrunk in"
              f" {ended - replaced:.1f} s; longest time without a transfer in a group {gap:.2f} s", flush=True)
        crash_test.CrashTest.check_books(self, load)
        self.assertLess(gap, LONGEST_GAP_S)


if __name__ == "__main__":
    unittest.main(verbosity=2)
