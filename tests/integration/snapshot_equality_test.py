# SPDX-License-Identifier: Apache-2.0
"""A snapshot is one thing: the same bytes at every replica, whatever becomes of the groups, until GC.

Timestamps are taken between writes. Each node is asked for the table at each of them and must answer
from its own replica, byte for byte as it was answered first: after splits, merges, moves of leadership,
kills and restarts. When the versions are too old, the refusal names the earliest timestamp that is left.
"""

import re
import unittest

from universe import SYSTEM_GROUP, SqlError, Universe, await_state, sql

ROWS = 60
READ = "SELECT id, v, b, f FROM t ORDER BY id"
SHORT_RETENTION = "2s"


def row(key, turn):
    text = f"turn {turn} ä€🙂 of {key}, with \"quotes\", commas and 'these'"
    return f"({key}, '{text.replace(chr(39), chr(39) * 2)}', '\\x00ff{key:02x}{turn:02x}', {key / 7 + turn!r})"


def upsert(keys, turn):
    return (f"INSERT INTO t VALUES {', '.join(row(k, turn) for k in keys)} ON CONFLICT (id) DO UPDATE"
            " SET v = excluded.v, b = excluded.b, f = excluded.f")


class SnapshotEqualityTest(unittest.TestCase):
    def test_the_same_bytes_everywhere_until_gc(self):
        with Universe() as self.universe:
            self.moments, self.reference = [], None
            first = self.universe.nodes[0]
            first.sql("CREATE TABLE t (id bigint PRIMARY KEY, v text NOT NULL, b bytea, f double precision)")
            keys = list(range(1, ROWS + 1))
            self.write(upsert(keys, 0))
            self.write(upsert(keys[::3], 1), f"DELETE FROM t WHERE id % 7 = 0 OR id = {ROWS // 2}")
            self.write(upsert(keys[::5], 2))
            await_state("all replicas are close behind", 30, self.safe_everywhere, 0.2)
            self.check("at first", as_before=False)
            self.splits(keys)
            self.merges(keys)
            self.leaders_move(keys)
            self.one_is_killed(keys)
            self.all_are_killed(keys)
            self.gone_after_gc(keys)

    # What was committed, by a session whose last commit's timestamp becomes a moment.
    def write(self, *statements):
        turn = len(self.moments)
        node = self.universe.nodes[turn % len(self.universe.nodes)]
        out = sql(node.grpc, "; ".join([*statements, "SHOW spanner.commit_timestamp"]), 60, "csv")
        self.moments.append(out.strip().splitlines()[-1])

    def snapshots(self, node):
        """One text: what this node says that the table was at each moment."""
        words = []
        for moment in self.moments:
            words += [f"SET spanner.read_only_staleness = 'READ_TIMESTAMP {moment}'", READ,
                      "SHOW spanner.read_timestamp"]
        return sql(node.grpc, "; ".join(words), 60, "csv")

    def served(self, node):
        """By its own replica, and by others for it."""
        found = dict(node.rows("SELECT name, value FROM isochron.counters WHERE name LIKE 'gateway.reads_%'"
                               f" AND node = {node.number}"))
        return [int(found.get(f"gateway.reads_{where}", 0)) for where in ("here", "at_replica")]

    def check(self, when, as_before=True):
        self.universe.await_caught_up()
        for node in self.universe.nodes:
            with self.subTest(when=when, node=node.number):
                here, elsewhere = self.served(node)
                text = self.snapshots(node)
                here_after, elsewhere_after = self.served(node)
                self.assertGreaterEqual(here_after - here, len(self.moments))
                self.assertEqual(elsewhere_after - elsewhere, 0, "a snapshot came from another replica")
                for moment in self.moments:
                    self.assertIn(moment, text)
                if as_before and node is self.universe.nodes[0]:
                    self.assertTrue(text.startswith(self.reference), f"{when}: a snapshot has changed")
                if node is self.universe.nodes[0]:
                    self.reference = text
                self.assertEqual(text.encode(), self.reference.encode())
        print(f"{when}: {len(self.moments)} snapshots of {len(self.reference)} bytes are equal on"
              f" {len(self.universe.nodes)} nodes", flush=True)

    def groups(self, via=None):
        return sorted(self.universe.leaders(via))

    def safe_everywhere(self):
        """All replicas say up to when they can be read, and at rest they are close behind."""
        via = self.universe.live()[0]
        found = via.rows("SELECT safe_time, safe_lag_us FROM isochron.replicas")
        return found and all(time and lag and int(lag) < 1_000_000 for time, lag in found) and found

    def splits(self, keys):
        node = self.universe.nodes[1]
        for key in (15, 30, 45):
            node.sql(f"SELECT isochron.split('t', {key})")
        self.assertEqual(len(self.groups()), 5)
        self.check("after splits")
        self.write(upsert(keys[::4], 3))  # over all groups
        self.check("written since")

    def merges(self, keys):
        node = self.universe.nodes[2]
        node.sql("SELECT isochron.merge('t', 30)", 60)
        self.check("after a merge")
        self.write(upsert(keys[1::4], 4), f"DELETE FROM t WHERE id = {ROWS}")
        node.sql("SELECT isochron.merge('t', 15)", 60)
        node.sql("SELECT isochron.merge('t', 15)", 60)  # again: it is so already
        self.check("after two merges")
        self.assertEqual(len(self.groups()), 3)
        node.sql("SELECT isochron.split('t', 30)")
        self.check("after another split")

    def leaders_move(self, keys):
        for target in self.universe.nodes:
            for group in self.groups():
                if group == SYSTEM_GROUP:
                    continue
                await_state(f"group {group} is led by node {target.number}", 40, lambda g=group: target.sql(
                    f"SELECT isochron.transfer({g}, {target.number})", 10) or True)
            self.check(f"after leadership moved to node {target.number}")
        self.write(upsert(keys[2::4], 5))

    def one_is_killed(self, keys):
        node = self.universe.node(next(n for g, n in self.universe.leaders().items() if g != SYSTEM_GROUP))
        node.kill()
        other = next(n for n in self.universe.nodes if n is not node)
        await_state("others lead", 60, lambda: node.number not in self.universe.leaders(other).values()
                    and None not in self.universe.leaders(other).values(), 0.2)
        self.assertTrue(self.snapshots(other).startswith(self.reference))
        node.restart()
        await_state("the node serves again", 60, lambda: node.rows(READ, 10))
        self.check("after a leader was killed")
        self.write(upsert(keys[3::4], 6), "DELETE FROM t WHERE id < 5")

    def restart_all(self):
        for node in self.universe.nodes:
            node.kill()
        for node in self.universe.nodes:
            node.restart()
        for node in self.universe.nodes:
            await_state(f"node {node.number} serves again", 75, lambda n=node: n.rows(READ, 10))

    def all_are_killed(self, keys):
        self.restart_all()
        self.check("after all were killed")
        self.universe.nodes[0].sql("SELECT isochron.merge('t', 45)", 60)
        self.restart_all()
        self.check("after a merge and another death of all")
        self.write(upsert(keys, 7))
        self.check("at last")

    def gone_after_gc(self, keys):
        show = "SHOW spanner.version_retention_period"
        self.assertEqual({n.value(show) for n in self.universe.nodes}, {"1h"})
        self.universe.nodes[0].sql("ALTER DATABASE isochron SET"
                                   f" spanner.version_retention_period = '{SHORT_RETENTION}'")
        self.assertEqual({n.value(show) for n in self.universe.nodes}, {SHORT_RETENTION})
        self.write(upsert(keys, 8))
        for node in self.universe.nodes:
            for moment in self.moments[:-2]:
                with self.subTest(node=node.number, moment=moment):
                    earliest = await_state("old snapshots are refused", 60, lambda n=node, m=moment: self.refused(n, m))
                    self.assertGreater(earliest, moment)
        earliest, texts = await_state("what is left is the same everywhere", 60, self.earliest_left, 0.5)
        self.assertEqual(len(set(texts)), 1)
        print(f"refused up to {earliest}; from there on the same everywhere", flush=True)

    def at(self, node, moment):
        return sql(node.grpc, f"SET spanner.read_only_staleness = 'READ_TIMESTAMP {moment}'; {READ}", 30, "csv")

    def refused(self, node, moment):
        """The earliest timestamp that the refusal names; None while there is none."""
        try:
            self.at(node, moment)
        except SqlError as error:
            found = re.search(r"the earliest that can be read here is (\S+);", str(error))
            self.assertIsNotNone(found, f"a refusal without an earliest timestamp: {error}")
            self.assertIn(moment[:19], str(error))
            self.assertEqual(error.state, "72000")
            return found.group(1)
        return None

    def earliest_left(self):
        """What is named can be read, once every group was asked and no horizon moves."""
        earliest = self.moments[0]
        for node in self.universe.nodes * 3:
            earliest = self.refused(node, earliest) or earliest
        return earliest, [self.at(n, earliest) for n in self.universe.nodes]


if __name__ == "__main__":
    unittest.main(verbosity=2)
