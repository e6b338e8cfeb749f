# SPDX-License-Identifier: Apache-2.0
"""pg_dump as it is, both ways.

dumps/*.sql are texts that pg_dump 15 wrote of a PostgreSQL 15: each loads through psql, without a word changed. What pg_dump
then writes of ours loads into another universe, which has the same rows and of which it writes the same text; and, where
PostgreSQL 15's server is installed, into a PostgreSQL.
"""

import pathlib
import re
import shutil
import subprocess
import unittest
from concurrent import futures

import judge
from universe import Universe, clean_environment

HERE = pathlib.Path(__file__).resolve().parent
# What a client looks at when all is loaded: what of it is more than rows.
QUESTIONS = {
    "kinds": [
        ("SELECT id, shelf FROM open_orders", "2|\n4|full\n1|empty"),
        ("SELECT string_agg(state::text, ' ' ORDER BY state) FROM orders", "new paid packed sent"),
        ("INSERT INTO orders (id, state) VALUES (5, 'it''s gone')", "never_lost"),
        ("INSERT INTO orders (id, odd, shelf) VALUES (5, 'Größe', DEFAULT) RETURNING state, was, odd, shelf", "new|{}|Größe|full"),
        ("INSERT INTO stock.books VALUES ('empty', 2)", "books_state_n_fkey"),
        ("SELECT obj_description('state'::regtype), enum_range(NULL::unused)", "of an order|{}"),
        ("DROP TYPE stock.state", "other objects depend on it"),
        ("ALTER TYPE stock.state ADD VALUE 'half' AFTER 'full'; SELECT enum_range(NULL::stock.state)", "{full,half,empty}"),
    ],
    "shop": [
        ("INSERT INTO orders (customer_id) VALUES (3) RETURNING id", "1015"),
        ("INSERT INTO customers (email) VALUES ('ADA@example.org')", "customers_lower_email"),
        ("INSERT INTO products VALUES ('D-4', 'Cake', 100000, 'new')", "either"),
        ("SELECT name, email FROM open_orders ORDER BY 1 LIMIT 1", "Ada|ada@example.org"),
        ("SELECT order_id, size FROM best ORDER BY 1 LIMIT 1", "1005|large"),
        ("SELECT obj_description('orders_unpaid'::regclass)", "for the reminders"),
        ("DELETE FROM customers WHERE id = 1", "DELETE 1"),
        ("SELECT count(*) FROM order_lines", "1"),
    ],
    "notes": [
        ("SELECT id, body FROM archive.recent ORDER BY id LIMIT 1", "00000000-0000-0000-0000-000000000000|tab\there\\ and\nline"),
        ('SELECT "UPPER" FROM "Odd Name"."The ""Table""" ORDER BY 1', "2\n4"),
        ("INSERT INTO notes (body) VALUES ('x') RETURNING length, shout, tags, meta", "1|X!|{}|{}"),
        ("INSERT INTO hashes VALUES ('\\x00', 'x')", "hash_not"),
        ("SELECT who FROM hashes WHERE hash = '\\xdeadbeef'", "a"),
        ("SELECT count(*) FROM plain WHERE a IS NULL", "1"),
    ],
    "staff": [
        ("SELECT nextval('badge'), nextval('down'), nextval('unused')", "510|-5|1"),
        ("INSERT INTO people (name, department) VALUES ('Eve', 1) RETURNING id, badge", "5|520"),
        ("SELECT name, depth FROM chain WHERE depth = 2", "Dee|2"),
        ("SELECT name, place FROM paid WHERE salary > 99", "Ada|2"),
        ("UPDATE people SET boss = id WHERE id = 1", "not_own_boss"),
        ("BEGIN; INSERT INTO people (name, department) VALUES ('Fay', 3); INSERT INTO departments (name) VALUES ('new'); COMMIT", "COMMIT"),
        ("DELETE FROM people WHERE id = 1", "departments_head"),
        ("DELETE FROM shifts WHERE person = 1; SELECT count(*) FROM swaps", "DELETE 1\n1"),
    ],
    "tpcc": [
        ("SELECT count(*), sum(ol_quantity) FROM order_line JOIN orders ON (ol_w_id, ol_d_id, ol_o_id) = (o_w_id, o_d_id, o_id)", "85|425"),
        ("INSERT INTO new_order VALUES (1, 1, 99)", "new_order_no_w_id_no_d_id_no_o_id_fkey"),
        ("SELECT c_last, c_middle FROM customer WHERE c_w_id = 1 AND c_d_id = 1 AND c_id = 2", "BARBAROUGHT|OE"),
    ],
}


def plain(dump):
    """A dump without what says who wrote it and when; the rows of a table have no order."""
    lines = [l for l in dump.splitlines() if not re.match(r"-- Dumped |\\(un)?restrict ", l)]
    out, rows = [], None
    for line in lines:
        if rows is None:
            out.append(line)
            rows = [] if line.startswith("COPY ") else None
        elif line == "\\.":
            out += [*sorted(rows), line]
            rows = None
        else:
            rows.append(line)
    return "\n".join(out)


def copied(dump):
    """COPY's head -> the rows behind it."""
    return {m[1]: sorted(m[2].splitlines()) for m in re.finditer(r"^(COPY .*?)\n(.*?)^\\\.$", dump, re.M | re.S)}


def run(address, *args, stdin="", status=0, database="isochron", user="isochron"):
    host, port = address.rsplit(":", 1)
    done = subprocess.run(args, input=stdin, capture_output=True, text=True, timeout=280, check=False,
                          env={**clean_environment(), "PGHOST": host, "PGPORT": port, "PGUSER": user,
                               "PGDATABASE": database, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "10"})
    if status is None:
        return done.stdout + done.stderr
    if done.returncode != status:
        raise AssertionError(f"{args}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done.stdout


def load(address, text, *flags, **more):
    run(address, "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *flags, stdin=text, **more)


@unittest.skipIf(shutil.which("pg_dump") is None or shutil.which("psql") is None,
                 "pg_dump and psql are not installed: postgresql-client-15 of Debian")
class DumpTest(unittest.TestCase):
    """One test a dump; they wait for changes of the schema for most of their time, so all run side by side."""

    @classmethod
    def setUpClass(cls):
        cls.postgres = None
        if judge.find() is not None:
            server = judge.Judge().__enter__()
            cls.addClassCleanup(server.__exit__)
            cls.postgres = server.address
            run(cls.postgres, "createuser", "-s", "isochron", user="me")
        pool = futures.ThreadPoolExecutor(len(QUESTIONS))
        cls.addClassCleanup(pool.shutdown)
        cls.running = {name: pool.submit(cls.there_and_back, name) for name in sorted(QUESTIONS)}

    @classmethod
    def there_and_back(cls, name):
        text = (HERE / "dumps" / f"{name}.sql").read_text()
        with Universe(flags=["--regions", "1"]) as first, Universe(flags=["--regions", "1"]) as second:
            one, two = first.nodes[0].pg, second.nodes[0].pg
            load(one, text)
            ours = run(one, "pg_dump")
            # In one transaction, as pg_restore -1 does.
            load(two, ours, "-1")
            again = run(two, "pg_dump")
            answers = [run(one, "psql", "-X", "-A", "-t", "-c", sql, status=None) for sql, _ in QUESTIONS[name]]
        return text, ours, again, answers

    def check(self, name):
        text, ours, again, answers = self.running[name].result(280)
        self.assertEqual(plain(ours), plain(again))
        self.assertEqual(copied(text), copied(ours))
        for (sql, expected), answer in zip(QUESTIONS[name], answers):
            self.assertIn(expected, answer, sql)
        if self.postgres is None:
            self.skipTest("PostgreSQL's server is not installed, which would load what is dumped: postgresql-15 of Debian")
        run(self.postgres, "createdb", name)
        load(self.postgres, ours, database=name)
        self.assertEqual(copied(run(self.postgres, "pg_dump", name)), copied(text))

    def test_kinds(self):
        self.check("kinds")

    def test_shop(self):
        self.check("shop")

    def test_notes(self):
        self.check("notes")

    def test_staff(self):
        self.check("staff")

    def test_tpcc(self):
        self.check("tpcc")


if __name__ == "__main__":
    unittest.main()
