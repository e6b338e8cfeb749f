# SPDX-License-Identifier: Apache-2.0
"""Reads in the past: the same rows at every node, for ever, and also when two of three regions are dead."""

import csv
import io
import time
import unittest

from universe import SqlError, Universe, await_state, sql

READ = "SELECT id, v FROM t ORDER BY id"


def script(node, statements, timeout=30):
    """Statements of one session; what the last one returned, as rows of text."""
    text = sql(node.grpc, "; ".join(statements), timeout, "csv")
    return list(csv.reader(io.StringIO(text)))


def at(node, bound, statement=READ, timeout=30):
    """Rows of a read at `bound`, and the timestamp at which it looked."""
    lines = script(node, [f"SET spanner.read_only_staleness = '{bound}'", statement,
                          "SHOW spanner.read_timestamp"], timeout)
    split = lines.index(["spanner.read_timestamp"])
    first = lines.index(["id", "v"])
    return lines[first + 1:split], lines[split + 1][0]


class StaleReadsTest(unittest.TestCase):
    def test_the_same_rows_everywhere_and_for_ever(self):
        with Universe() as universe:
            moments = self.write(universe)
            self.read_all(universe, moments, "at first")
            before = universe.counters("txn.reads.replica")
            for node in universe.nodes:  # may look up to ten seconds back, and what was there then may be less
                await_state("a bounded read sees the rows", 15, lambda n=node: len(at(n, "MAX_STALENESS 10s")[0]) == 6)
            self.assertGreater(universe.counters("txn.reads.replica"), before)
            self.restart_one(universe)
            self.read_all(universe, moments, "after a restart")
            self.move_leaders(universe)
            self.read_all(universe, moments, "after leaders moved")
            self.refuses_what_makes_no_sense(universe.nodes[0])
            self.two_of_three_die(universe, moments)

    def write(self, universe):
        """Commit timestamps with the rows there were at each."""
        node = universe.nodes[0]
        node.sql("CREATE TABLE t (id bigint PRIMARY KEY, v bigint NOT NULL)")
        for key in (3, 5):
            node.sql(f"SELECT isochron.split('t', {key})")
        moments = []
        for turn in range(4):
            writer = universe.nodes[turn % len(universe.nodes)]
            rows = ", ".join(f"({i}, {turn * 10 + i})" for i in range(1, 7))
            lines = script(writer, [f"INSERT INTO t VALUES {rows} ON CONFLICT (id) DO UPDATE SET v = excluded.v",
                                    "SHOW spanner.commit_timestamp"])
            moments.append((lines[-1][0], [[str(i), str(turn * 10 + i)] for i in range(1, 7)]))
        return moments

    def read_all(self, universe, moments, when):
        for moment, expected in moments:
            for node in universe.nodes:
                with self.subTest(when=when, node=node.number, moment=moment):
                    rows, looked = at(node, f"READ_TIMESTAMP {moment}")
                    self.assertEqual(rows, expected)
                    self.assertEqual(looked, moment)

    def restart_one(self, universe):
        node = universe.nodes[1]
        node.kill()
        node.restart()
        await_state("the node serves again", 60, lambda: node.rows(READ, 10))

    def move_leaders(self, universe):
        """The node that leads most loses what it leads."""
        led = [n for n in universe.leaders().values() if n]
        node = universe.node(max(set(led), key=led.count))
        node.kill()
        other = next(n for n in universe.nodes if n is not node)
        await_state("others lead", 60, lambda: node.number not in universe.leaders(other).values()
                    and None not in universe.leaders(other).values(), 0.2)
        node.restart()
        await_state("the node serves again", 60, lambda: node.rows(READ, 10))

    def refuses_what_makes_no_sense(self, node):
        for bad in ("MAX_STALENESS", "READ_TIMESTAMP yesterday", "EXACT_STALENESS -1s", "OFTEN"):
            with self.subTest(bad=bad):
                with self.assertRaises(SqlError) as raised:
                    node.sql(f"SET spanner.read_only_staleness = '{bad}'")
                self.assertIn("22", raised.exception.state[:2])
        with self.assertRaises(SqlError) as raised:
            node.sql("SET spanner.read_only_staleness = 'MAX_STALENESS 5s'; BEGIN READ ONLY")
        self.assertIn("single statements", str(raised.exception))

    def two_of_three_die(self, universe, moments):
        survivor = universe.nodes[2]
        newest, expected = moments[-1]
        # What was written last has reached the survivor.
        await_state("the survivor has caught up", 30,
                    lambda: at(survivor, f"READ_TIMESTAMP {newest}")[0] == expected)
        for node in universe.nodes:
            if node is not survivor:
                node.kill()
        began = time.monotonic()
        rows, looked = at(survivor, f"READ_TIMESTAMP {newest}")
        self.assertEqual((rows, looked), (expected, newest))
        rows, looked = at(survivor, "MAX_STALENESS 120s")
        self.assertEqual(rows, expected)
        self.assertGreaterEqual(looked, newest)
        print(f"stale reads at the survivor took {time.monotonic() - began:.2f} s", flush=True)
        for statement in ("SELECT v FROM t WHERE id = 1", "UPDATE t SET v = 0 WHERE id = 1"):
            with self.subTest(statement=statement):
                # What the survivor led, it leads until its leases end: it reads, and a commit's outcome is open then.
                took, error = await_state("the leases have ended", 40,
                                          lambda: self.refused(survivor, statement), 0.2)
                print(f"{statement}: {took:.1f} s: {error}", flush=True)
                self.assertLess(took, 12)
                self.assertRegex(str(error), r"no answer from n\d, n\d")
                self.assertRegex(str(error), r"1 of its 3 voters answered, 2 are needed")

    def refused(self, node, statement):
        """How long it took to be refused, and with what; None while it reads or the outcome is not known."""
        began = time.monotonic()
        try:
            script(node, ["SET statement_timeout = '5s'", statement])
        except SqlError as error:
            return None if error.state == "40003" else (time.monotonic() - began, error)
        self.assertTrue(statement.startswith("SELECT"), "there is no majority")
        return None


if __name__ == "__main__":
    unittest.main(verbosity=2)
