# SPDX-License-Identifier: Apache-2.0
"""The SQL shell as a process: -e, -f, standard input, formats, exit status, timings."""

import csv
import io
import json
import os
import unittest

from universe import Universe, run, scratch


class ShellTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.universe = Universe().__enter__()
        cls.addClassCleanup(cls.universe.__exit__, None, None, None)
        cls.node = cls.universe.nodes[2]
        cls.node.sql("CREATE TABLE t (id bigint PRIMARY KEY, s text, d double precision, b boolean);"
                     "INSERT INTO t VALUES (1, 'plain', 1.5, true), (2, 'a \"quoted\", text', NULL, false),"
                     " (3, '', 0, NULL)")

    def shell(self, *args, stdin="", status=0):
        done = run("sql", "--target", self.node.grpc, *args, stdin=stdin)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def test_aligned(self):
        out = self.shell("-e", "SELECT id, s FROM t WHERE id = 1").stdout
        self.assertEqual([line.rstrip() for line in out.splitlines()],
                         [" id |   s", "----+-------", "  1 | plain", "(1 row)"])
        self.assertIn("(3 rows)", self.shell("-e", "SELECT id FROM t").stdout)
        self.assertIn("(0 rows)", self.shell("-e", "SELECT id FROM t WHERE id = 9").stdout)

    def test_csv(self):
        out = self.shell("--format", "csv", "-e", "SELECT * FROM t ORDER BY id").stdout
        self.assertEqual(list(csv.reader(io.StringIO(out))),
                         [["id", "s", "d", "b"], ["1", "plain", "1.5", "t"],
                          ["2", 'a "quoted", text', "", "f"], ["3", "", "0", ""]])

    def test_json(self):
        out = self.shell("--format", "json", "-e", "SELECT id, s, d FROM t ORDER BY id").stdout
        self.assertEqual([json.loads(line) for line in out.splitlines()],
                         [{"id": 1, "s": "plain", "d": 1.5}, {"id": 2, "s": 'a "quoted", text', "d": None},
                          {"id": 3, "s": "", "d": 0}])

    def test_many_statements(self):
        out = self.shell("-e", "CREATE TABLE u (id bigint PRIMARY KEY); INSERT INTO u VALUES (1), (2);"
                               " DELETE FROM u WHERE id = 1; SELECT count(*) FROM u; DROP TABLE u").stdout
        for tag in ("CREATE TABLE", "INSERT 0 2", "DELETE 1", "(1 row)", "DROP TABLE"):
            self.assertIn(tag, out)

    def test_error_stops_and_exits_1(self):
        done = self.shell("-e", "SELECT 1 AS one; SELECT nothing; SELECT 2 AS two", status=1)
        self.assertIn("one", done.stdout)
        self.assertNotIn("two", done.stdout)
        self.assertIn("42703", done.stderr)

    def test_file(self):
        path = os.path.join(scratch(), "a.sql")
        with open(path, "w", encoding="utf-8") as file:
            file.write("-- a comment; with a semicolon\nSELECT 'a;b' AS x;\n\nSELECT id\n  FROM t\n WHERE id = 3;\n")
        out = self.shell("-f", path).stdout
        self.assertIn("a;b", out)
        self.assertEqual(out.count("(1 row)"), 2)
        done = self.shell("-f", path + ".none", status=1)
        self.assertIn(path + ".none", done.stderr)

    def test_standard_input(self):
        out = self.shell(stdin="SELECT 1 AS one;\nSELECT 2\n AS two;\n").stdout
        self.assertIn("one", out)
        self.assertIn("two", out)

    def test_transactions_and_savepoints(self):
        out = self.shell("-e", "BEGIN; INSERT INTO t VALUES (10, 'x', 1, true); SAVEPOINT a;"
                               "DELETE FROM t; ROLLBACK TO a; SELECT count(*) AS n FROM t; ROLLBACK;"
                               "SELECT count(*) AS n FROM t", "--format", "csv").stdout
        counts = [line for line in out.splitlines() if line.isdigit()]
        self.assertEqual(counts, ["4", "3"])

    def test_system_tables(self):
        out = self.shell("-e", "SHOW nodes").stdout
        self.assertEqual(out.count(" up "), 3, out)
        for table in "regions nodes clocks groups replicas splits locks sessions statements counters".split():
            self.shell("-e", f"SELECT * FROM isochron.{table}")
        self.assertIn("SELECT * FROM isochron.statements", self.shell("-e", "SELECT * FROM isochron.statements").stdout)

    def test_explain(self):
        self.assertTrue(self.shell("-e", "EXPLAIN SELECT * FROM t WHERE id = 1").stdout.strip())


if __name__ == "__main__":
    unittest.main(verbosity=2)
