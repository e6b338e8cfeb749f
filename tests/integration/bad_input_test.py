# SPDX-License-Identifier: Apache-2.0
"""Bad statements: a clear error with its SQLSTATE each, data unchanged, the session good for more."""

import unittest

from terminal import Terminal
from universe import SqlError, Universe, sql

TOO_LONG = 11 << 20  # bytes in a value; the limit is 10 MiB


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.universe = Universe().__enter__()
        cls.addClassCleanup(cls.universe.__exit__, None, None, None)
        cls.node = cls.universe.nodes[1]
        cls.node.sql("CREATE TABLE t (id bigint PRIMARY KEY, v bigint NOT NULL, s text);"
                     "INSERT INTO t VALUES (1, 10, 'one'), (2, 20, 'two')")

    def content(self):
        return self.node.rows("SELECT * FROM t ORDER BY id")

    def fails(self, statement, state, *words):
        """The statement fails so, nothing changes, and the shell's exit status is 1."""
        before = self.content()
        with self.assertRaises(SqlError) as caught:
            self.node.sql(statement)
        message = caught.exception.text
        self.assertEqual(caught.exception.status, 1, message)
        self.assertIn(state, message)
        for word in words:
            self.assertIn(word, message)
        self.assertEqual(self.content(), before)

    def test_syntax_error(self):
        self.fails("SELEC 1", "42601", "SELEC")
        self.fails("SELECT * FROM t WHERE", "42601")
        # The position: a line number, and a mark under the place.
        self.fails("SELECT id\nFROM t\nWHER id = 1 AND", "42601", "3", "^")

    def test_unknown_names(self):
        self.fails("SELECT * FROM tt", "42P01", "tt")
        self.fails("SELECT nothing FROM t", "42703", "nothing")
        self.fails("INSERT INTO nowhere VALUES (1)", "42P01", "nowhere")
        self.fails("SELECT no_such_function(1)", "42883", "no_such_function")

    def test_types(self):
        self.fails("INSERT INTO t VALUES (3, 'abc', 'x')", "22P02", "abc")
        self.fails("UPDATE t SET v = true", "42804")
        self.fails("INSERT INTO t VALUES (9223372036854775808, 1, 'x')", "22003")
        self.fails("UPDATE t SET v = v / 0", "22012")
        self.fails("UPDATE t SET v = 9223372036854775807 + v", "22003")

    def test_constraints(self):
        self.fails("INSERT INTO t VALUES (1, 11, 'again')", "23505", "1")
        self.fails("INSERT INTO t VALUES (7, 1, 'new'), (2, 1, 'old')", "23505")
        self.fails("INSERT INTO t VALUES (3, NULL, 'x')", "23502", "v")
        self.fails("UPDATE t SET v = NULL WHERE id = 1", "23502", "v")
        self.fails("CREATE TABLE t (id bigint PRIMARY KEY)", "42P07", "t")

    def test_too_large(self):
        self.fails(f"UPDATE t SET s = repeat('x', {TOO_LONG}) WHERE id = 1", "54000")
        rows = ",".join(f"({i},1,repeat('x', 4000000))" for i in range(100, 130))
        self.fails(f"INSERT INTO t VALUES {rows}", "53200", "memory limit")
        inserts = "".join(f"INSERT INTO t VALUES ({i},1,repeat('x', 9000000));" for i in range(100, 110))
        self.fails(f"BEGIN; {inserts} COMMIT", "54000")

    def test_read_only(self):
        self.fails("BEGIN READ ONLY; UPDATE t SET v = 0", "25006")
        self.fails("BEGIN READ ONLY; INSERT INTO t VALUES (5, 5, 'five'); COMMIT", "25006")

    def test_failed_transaction_changes_nothing(self):
        self.fails("BEGIN; UPDATE t SET v = 99 WHERE id = 1; SELECT 1/0; COMMIT", "22012")

    def test_session_goes_on(self):
        """One session: errors between good statements, which all count."""
        with Terminal(self.node.grpc) as terminal:
            for statement, says in (
                ("INSERT INTO t VALUES (50, 1, 'a');", "INSERT 0 1"), ("SELEC 1;", "42601"),
                ("INSERT INTO t VALUES (50, 2, 'b');", "23505"), ("SELECT * FROM tt;", "42P01"),
                ("BEGIN;", "BEGIN"), ("UPDATE t SET v = 7 WHERE id = 50;", "UPDATE 1"), ("SELECT 1/0;", "22012"),
                ("SELECT 1;", "25P02"), ("ROLLBACK;", "ROLLBACK"), ("UPDATE t SET v = 5 WHERE id = 50;", "UPDATE 1"),
            ):
                self.assertIn(says, terminal.run(statement).split("\n", 1)[1], statement)
        self.assertEqual(self.node.rows("SELECT v, s FROM t WHERE id = 50"), [["5", "a"]])
        self.assertIn("DELETE 1", self.node.sql("DELETE FROM t WHERE id = 50"))

    def test_no_server(self):
        with self.assertRaises(SqlError) as caught:
            sql("127.0.0.1:1", "SELECT 1")
        self.assertEqual(caught.exception.status, 1)
        self.assertIn("127.0.0.1:1", caught.exception.text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
