# SPDX-License-Identifier: Apache-2.0
"""Two replicas with rows and a witness in every group: either of the two may die, and nothing is lost.

What was acknowledged while the second was down lies with the first and in the witness's log; when the
first is gone as well, the second comes back and has all of it from the witness.
"""

import unittest

from universe import SqlError, Universe, await_state

ACCOUNTS = 16


class Witness(unittest.TestCase):
    def setUp(self):
        self.universe = Universe(flags=["--regions", "1", "--nodes-per-region", "3"]).__enter__()
        self.addCleanup(self.universe.__exit__, None)
        self.first, self.second, self.third = self.universe.nodes
        self.first.sql("CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint)")
        values = ", ".join(f"({i}, 0)" for i in range(ACCOUNTS))
        self.first.sql(f"INSERT INTO accounts VALUES {values}")
        self.first.sql(f"SELECT isochron.split('accounts', {ACCOUNTS // 2})")
        self.groups = sorted(self.universe.leaders())
        for group in self.groups:
            self.first.sql(f"SELECT isochron.remove_replica({group}, 3)", 60)
            add = f"SELECT isochron.add_replica({group}, 3, 'witness')"
            await_state(add, 60, lambda add=add: self.first.sql(add, 60))  # the one that was removed ends first

    def kinds(self):
        found = self.first.rows("SELECT group_id, node, kind FROM isochron.replicas")
        return {(int(g), int(n)): kind for g, n, kind in found}

    def test_either_replica_with_rows_may_die(self):
        wanted = {(g, n): "witness" if n == 3 else "voter" for g in self.groups for n in (1, 2, 3)}
        self.assertEqual(self.kinds(), wanted)
        with self.assertRaises(SqlError):
            self.first.sql(f"SELECT isochron.transfer({self.groups[0]}, 3)")
        with self.assertRaises(SqlError):  # rows do not go within a replica's life
            self.first.sql(f"SELECT isochron.add_replica({self.groups[0]}, 2, 'witness')")

        self.second.kill()
        total = 0
        for _ in range(20):
            self.first.sql("UPDATE accounts SET balance = balance + 1", 60)
            total += 1
        self.first.kill()
        self.second.restart()
        rows = await_state("the second answers with all of it", 60,
                           lambda: self.second.rows("SELECT DISTINCT balance FROM accounts", 10))
        self.assertEqual(rows, [[str(total)]])
        self.second.sql("UPDATE accounts SET balance = balance + 1", 60)
        self.first.restart()
        rows = await_state("the first answers", 60,
                           lambda: self.first.rows("SELECT DISTINCT balance FROM accounts", 10))
        self.assertEqual(rows, [[str(total + 1)]])


if __name__ == "__main__":
    unittest.main(verbosity=2)
