# SPDX-License-Identifier: Apache-2.0
"""psycopg2 as it is: types there and back, transactions, errors by class, COPY."""

import datetime
import io
import unittest

from universe import UniverseCase

try:
    import psycopg2
    import psycopg2.errors
    import psycopg2.extras
except ImportError:
    psycopg2 = None


@unittest.skipIf(psycopg2 is None, "psycopg2 is not installed: python3-psycopg2 of Debian")
class PsycopgTest(UniverseCase):
    FLAGS = ("--regions", "1")

    def connect(self, autocommit=False):
        host, port = self.universe.nodes[0].pg.rsplit(":", 1)
        connection = psycopg2.connect(host=host, port=port, user="me", dbname="isochron")
        connection.autocommit = autocommit
        self.addCleanup(connection.close)
        return connection

    def test_values(self):
        c = self.connect(autocommit=True).cursor()
        c.execute("create table v (id bigint primary key, b boolean, s smallint, i integer, f double precision,"
                  " t text, y bytea, w timestamptz)")
        when = datetime.datetime(2024, 2, 29, 12, 30, 1, 500, tzinfo=datetime.timezone.utc)
        row = (1, True, -3, 70000, 2.5, "it's \\ \u00e4", b"\0\xff", when)
        c.execute("insert into v values (%s, %s, %s, %s, %s, %s, %s, %s)", row)
        c.execute("insert into v (id) values (2)")
        c.execute("select * from v order by id")
        got = [tuple(bytes(x) if isinstance(x, memoryview) else x for x in r) for r in c.fetchall()]
        self.assertEqual(got, [row, (2,) + (None,) * 7])
        self.assertEqual([d.name for d in c.description], ["id", "b", "s", "i", "f", "t", "y", "w"])
        psycopg2.extras.execute_values(c, "insert into v (id, i) values %s", [(n, n) for n in range(10, 110)])
        self.assertEqual(c.rowcount, 100)

    def test_transactions_and_errors(self):
        a, b = self.connect(), self.connect()
        setup = self.connect(autocommit=True).cursor()
        setup.execute("create table x (id bigint primary key, n bigint not null)")
        with a:
            a.cursor().execute("insert into x values (1, 1)")
        with self.assertRaises(psycopg2.errors.UniqueViolation):
            with a:
                a.cursor().execute("insert into x values (2, 2)")
                a.cursor().execute("insert into x values (1, 1)")
        c = b.cursor()
        c.execute("select * from x")
        self.assertEqual(c.fetchall(), [(1, 1)])
        with self.assertRaises(psycopg2.errors.UndefinedColumn) as caught:
            c.execute("select nope from x")
        self.assertEqual(caught.exception.diag.statement_position, "8")
        with self.assertRaises(psycopg2.errors.InFailedSqlTransaction):
            c.execute("select 1")
        b.rollback()
        with self.assertRaises(psycopg2.errors.NotNullViolation):
            c.execute("insert into x values (3, null)")
        b.rollback()
        self.assertEqual(b.get_parameter_status("server_encoding"), "UTF8")

    def test_named_cursors(self):
        connection = self.connect()
        c = connection.cursor()
        c.execute("create table n (id bigint primary key, t text)")
        connection.commit()
        c.execute("insert into n select i, 'row ' || i from generate_series(1, 3000) i")
        connection.commit()
        with connection.cursor(name="some rows") as named:
            named.itersize = 500
            named.execute("select id, t from n where id > %s order by id", (10,))
            self.assertEqual(named.fetchone(), (11, "row 11"))
            self.assertEqual(named.fetchmany(2), [(12, "row 12"), (13, "row 13")])
            self.assertEqual(sum(1 for _ in named), 3000 - 13)
        scrolling = connection.cursor(name="s", scrollable=True, withhold=True)
        scrolling.execute("select id from n order by id")
        scrolling.scroll(100, mode="absolute")
        self.assertEqual(scrolling.fetchone(), (101,))
        connection.commit()
        scrolling.scroll(-2)
        self.assertEqual(scrolling.fetchone(), (100,))
        scrolling.close()
        with self.assertRaises(psycopg2.errors.InvalidCursorName):
            c.execute("fetch s")
        connection.rollback()

    def test_copy(self):
        connection = self.connect(autocommit=True)
        c = connection.cursor()
        c.execute("create table k (id bigint primary key, t text)")
        c.copy_expert("copy k from stdin csv", io.StringIO("".join(f"{i},row {i}\n" for i in range(500))))
        self.assertEqual(c.rowcount, 500)
        out = io.StringIO()
        c.copy_expert("copy k (t) to stdout", out)
        self.assertEqual(len(out.getvalue().splitlines()), 500)
        with self.assertRaises(psycopg2.errors.BadCopyFileFormat):
            c.copy_expert("copy k from stdin", io.StringIO("1\n"))
        c.execute("select count(*) from k")
        self.assertEqual(c.fetchone(), (500,))


if __name__ == "__main__":
    unittest.main()
