# SPDX-License-Identifier: Apache-2.0
"""pgbench as it is, against a universe of three nodes: all steps of -i, its scripts, no failed transaction."""

import subprocess
import unittest

from pgbench import PgbenchCase
from universe import clean_environment


class PgbenchTest(PgbenchCase):
    def test_made_and_run(self):
        self.initialized()
        # One branch for 64 clients: many are wounded and replayed unseen. A replay may show another balance only
        # where two draw one account, which is 40001 by right; with this seed no two do.
        self.transactions("-b", "tpcb-like", "-c", "64", "-t", "10", "--random-seed=2", wanted=640)
        self.assertEqual(self.rows("select count(distinct aid) from pgbench_history"), "640")
        self.assertGreater(self.universe.counters("sql.replays"), 0)
        done = self.all_scripts("-c", "4", each=50)
        self.assert_sums(done + 640)

    def test_made_by_the_server_with_foreign_keys(self):
        self.initialized("-I", "dtGvpf")
        self.assertEqual(self.rows("select count(*) from pg_constraint where contype = 'f'"), "5")
        self.transactions("-b", "tpcb-like", "-c", "8", "-t", "25", wanted=200)
        done = subprocess.run(["psql", "-X", "-c", "delete from pgbench_branches"], capture_output=True, text=True,
                              check=False, env={**clean_environment(), "PGHOST": self.host, "PGPORT": self.port,
                                                "PGUSER": "me", "PGDATABASE": "isochron", "LC_ALL": "C"})
        self.assertIn('violates foreign key constraint "pgbench_', done.stderr)


if __name__ == "__main__":
    unittest.main()
