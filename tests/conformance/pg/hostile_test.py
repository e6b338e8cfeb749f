# SPDX-License-Identifier: Apache-2.0
"""Statements and connections that nobody means well with: an answer or a clear error, in bounded time and memory.

Each statement is asked at a depth, or a width, at which it works, and far beyond. Then the node still answers.
"""

import os
import resource
import socket
import threading
import unittest

import wire
from universe import UniverseCase
from wire import Wire, message, query

# What PostgreSQL's grammar says when its own stack is full is 42601 here, and 53200 or 42601 there.
TOO_DEEP = {"54001", "42601"}
TOO_MANY = {"54000", "54001", "54011", "53200"}


def nested(before, inside, after):
    return lambda n: "select " + before * n + inside + after * n


# What is nested, how deep it must work, and how deep it must be refused.
NESTED = {
    "parentheses": (nested("(", "1", ")"), 1000, 20000),
    "signs": (nested("- ", "1", ""), 400, 20000),
    "NOT": (nested("not ", "true", ""), 400, 20000),
    "arrays": (lambda n: "select " + "array[" * n + "1" + "]" * n, 6, 20000),
    "CASE": (nested("case when true then ", "1", " end"), 100, 20000),
    "functions": (nested("abs(", "1", ")"), 400, 20000),
    "casts": (nested("", "1", "::int"), 400, 20000),
    "COALESCE": (nested("coalesce(null, ", "1", ")"), 400, 20000),
    "scalar subqueries": (nested("(select ", "1", ")"), 40, 20000),
    "EXISTS": (lambda n: "select 1 where " + "exists (select 1 where " * n + "true" + ")" * n, 40, 20000),
    "derived tables": (lambda n: "select * from (" * n + "select 1" + ") x" * n, 40, 20000),
    "set operations": (lambda n: "select 1 " + "union (select 1 " * n + ")" * n, 40, 20000),
    "WITH": (lambda n: "with c0 as (select 1 as x)" + "".join(f", c{i} as (select * from c{i - 1})" for i in range(1, n)) +
             f" select * from c{n - 1}", 200, 20000),
    "WITH in WITH": (lambda n: "with c as (" * n + "select 1" + ") select * from c" * n, 40, 20000),
    "EXCEPT": (lambda n: " except ".join(["select 1"] * n), 90, 20000),
    "sums": (lambda n: "select " + " + ".join(["1"] * n), 400, 20000),
    "json": (lambda n: "select '" + "[" * n + "]" * n + "'::jsonb", 900, 20000),
    "joins": (lambda n: "select 1 from " + " join ".join(["leaf t0"] + [f"leaf t{i} on t{i}.id = t{i - 1}.id"
                                                                        for i in range(1, n)]), 40, 5000),
}
# What stands side by side: it works, or is refused.
WIDE = {
    "OR": lambda n: "select 1 from leaf where " + " or ".join(f"a = {i}" for i in range(n)),
    "AND": lambda n: "select 1 from leaf where " + " and ".join(f"a <> {i}" for i in range(n)),
    "ORs of ANDs": lambda n: "select 1 from leaf where " + " or ".join(f"a > {i} and id < {i}" for i in range(n)),
    "IN": lambda n: "select 1 from leaf where id in (" + ", ".join(map(str, range(n))) + ")",
    "columns": lambda n: "select " + ", ".join(["1"] * n),
    "rows of VALUES": lambda n: "values " + ", ".join(["(1)"] * n),
    "UNION ALL": lambda n: " union all ".join(["select 1"] * n),
    "WITH": lambda n: "with " + ", ".join(f"c{i} as (select {i} as x)" for i in range(n)) + " select * from c1",
    "elements": lambda n: "select array[" + ", ".join(["1"] * n) + "]",
    "WHEN": lambda n: "select case 1 " + " ".join(f"when {i + 2} then {i}" for i in range(n)) + " end",
    "tables": lambda n: "select 1 from " + ", ".join(f"leaf t{i}" for i in range(n)),
    "statements": lambda n: "; ".join(["select 1"] * n),
    "comments": lambda n: "/*" * n + "*/" * n + " select 1",
    "percent signs": lambda n: "select '" + "a" * n + "' like '" + "%a" * n + "b'",
    "groups of a pattern": lambda n: "select 'a' ~ '" + "(" * n + "a" + ")" * n + "'",
    "columns of a table": lambda n: f"create table wide{n} (" + ", ".join(f"c{i} int" for i in range(n)) + ")",
    "grouping sets": lambda n: "select 1 from leaf group by grouping sets (" + ", ".join(["(a)"] * n) + ")",
}


class HostileTest(UniverseCase):
    FLAGS = ("--regions", "1")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node = cls.universe.nodes[0]
        with Wire(cls.pg) as w:
            w.sql("create table leaf (id int primary key, a int)")
            w.sql("insert into leaf values (1, 1)")

    def answer(self, sql):
        """The SQLSTATE, or None."""
        with Wire(self.pg) as w:
            w.socket.settimeout(60)
            for word in w.sql(sql):
                if word.startswith("E:"):
                    return word[2:]
            self.assertEqual(w.sql("select 1"), ["T", "D:1", "C:SELECT 1", "Z:I"])
        return None

    def test_what_is_nested(self):
        for name, (made, works, refused) in NESTED.items():
            with self.subTest(name):
                self.assertIsNone(self.answer(made(works)))
                self.assertIn(self.answer(made(refused)), TOO_DEEP | TOO_MANY)
        self.assertTrue(self.node.alive())

    def test_what_is_wide(self):
        before = self.node.resident_bytes()
        for name, made in WIDE.items():
            for n in (500, 20000):
                with self.subTest(name, n=n):
                    state = self.answer(made(n))
                    self.assertTrue(state is None or (n > 500 and state in TOO_MANY | TOO_DEEP | {"2201B"}), state)
        self.assertTrue(self.node.alive())
        self.assertLess(self.node.resident_bytes() - before, 300 << 20)

    def test_halves_of_messages(self):
        """Connections that begin something and go on no more hold nobody up, and little memory."""
        before = self.node.resident_bytes()
        halves = [Wire.hello()[:9], wire.startup(wire.SSL_REQUEST)[:5], b"", query("select 1")[:3],
                  message("Q", b"x" * 10000)[:5000]]
        wires = []
        try:
            for i in range(200):
                w = Wire(self.pg, start=i % 2 == 1)
                w.send(halves[i % len(halves)])
                wires.append(w)
            with Wire(self.pg) as w:
                self.assertEqual(w.sql("select 1")[1], "D:1")
            self.assertLess(self.node.resident_bytes() - before, 64 << 20)
        finally:
            for w in wires:
                w.socket.close()

    def test_a_message_byte_by_byte(self):
        with Wire(self.pg, start=False) as w:
            w.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for b in Wire.hello() + query("select 7"):
                w.send(bytes([b]))
            self.assertEqual(w.until_ready(), ["Z:I"])
            self.assertEqual(w.until_ready(), ["T", "D:7", "C:SELECT 1", "Z:I"])

    def test_messages_that_wait_while_a_statement_runs(self):
        """What a client sends ahead is not taken in without end."""
        before = self.node.resident_bytes()
        with Wire(self.pg) as holder, Wire(self.pg) as w:
            holder.sql("begin")
            holder.sql("update leaf set a = a")
            w.send(query("update leaf set a = a"))
            w.socket.settimeout(2)
            sent = 0
            try:
                while sent < 100 << 20:
                    sent += w.socket.send(query("select '" + "x" * 60000 + "'"))
            except TimeoutError:
                pass
            self.assertLess(sent, 100 << 20)
            self.assertLess(self.node.resident_bytes() - before, 64 << 20)
            holder.sql("rollback")

    def test_as_many_connections_as_the_limit_of_files_allows(self):
        """The door's own limit counts, 53300 beyond it; each costs so much memory; the files suffice for the rest."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        wanted = min(5000, hard - 500)  # the door's limit, or all the files that this process may open
        before = self.node.resident_bytes()
        wires, refused, lock = [], [], threading.Lock()

        def open_some(count):
            for _ in range(count):
                try:
                    w = Wire(self.pg)
                except (EOFError, ConnectionError, KeyError):
                    with lock:
                        refused.append(1)
                    continue
                with lock:
                    wires.append(w)

        try:
            threads = [threading.Thread(target=open_some, args=(wanted // 8,)) for _ in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            each = (self.node.resident_bytes() - before) / len(wires)
            files = len(os.listdir(f"/proc/{self.node.pid}/fd"))
            print(f"{len(wires)} idle connections, {len(refused)} refused: {each / 1024:.1f} KiB of resident memory each; "
                  f"{files} open files")
            self.assertGreater(len(wires), wanted * 9 // 10)
            self.assertLess(each, 32 << 10)
            self.assertEqual(wires[0].sql("select 1")[1], "D:1")
            self.assertEqual(wires[-1].sql("select a from leaf")[1], "D:1")
        finally:
            for w in wires:
                w.socket.close()
        with Wire(self.pg) as w:
            self.assertEqual(w.sql("select 1")[1], "D:1")


if __name__ == "__main__":
    unittest.main()
