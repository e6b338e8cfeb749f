# SPDX-License-Identifier: Apache-2.0
"""pgbench as it is, against a universe of three nodes: all steps of -i, its scripts, no failed transaction."""

import os
import re
import shutil
import subprocess
import time
import unittest

from universe import Universe, clean_environment


def works(name):
    return shutil.which(name) is not None and subprocess.run(
        [name, "--version"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(works("pgbench") and works("psql"), "pgbench is not installed: postgresql-15 of Debian")
class PgbenchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.universe = Universe()
        cls.universe.__enter__()
        cls.addClassCleanup(cls.universe.__exit__, None, None, None)
        cls.host, cls.port = cls.universe.nodes[0].pg.rsplit(":", 1)

    def run_tool(self, *args, timeout=400):
        done = subprocess.run(
            args, capture_output=True, text=True, timeout=timeout, check=False,
            env={**clean_environment(), "PGHOST": self.host, "PGPORT": self.port, "PGUSER": "me",
                 "PGDATABASE": "isochron", "LC_ALL": "C", "HOME": os.environ.get("TEST_TMPDIR", "/"),
                 "PGCONNECT_TIMEOUT": "10"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def rows(self, query):
        return self.run_tool("psql", "-X", "-At", "-c", query).strip()

    def initialized(self, *flags):
        began = time.monotonic()
        self.run_tool("pgbench", "-i", "-q", *flags)
        print(f"pgbench -i {' '.join(flags)}: {time.monotonic() - began:.1f} s")
        self.assertEqual(self.rows("select count(*), min(aid), max(aid) from pgbench_accounts"), "100000|1|100000")
        self.assertEqual(self.rows("select count(*) from pgbench_tellers"), "10")
        self.assertIn("Point Get on pgbench_accounts",
                      self.rows("explain select abalance from pgbench_accounts where aid = 5"))

    def transactions(self, *flags, wanted):
        out = self.run_tool("pgbench", "-n", *flags)
        self.assertIn(f"number of transactions actually processed: {wanted}/{wanted}", out)
        self.assertIn("number of failed transactions: 0 (0.000%)", out)
        print(f"pgbench {' '.join(flags)}: {re.search('tps = ([0-9.]+)', out).group(1)} a second")

    def test_made_and_run(self):
        self.initialized("-s", "1")
        done = 0
        for script in ("tpcb-like", "simple-update", "select-only"):
            for mode in ("simple", "extended", "prepared"):
                self.transactions("-b", script, "-M", mode, "-c", "4", "-t", "50", wanted=200)
                done += 200 if script != "select-only" else 0
        self.transactions("-b", "tpcb-like", "-c", "64", "-t", "10", wanted=640)
        done += 640
        self.assertEqual(self.rows("select sum(delta) = (select sum(abalance) from pgbench_accounts), count(*) "
                                   "from pgbench_history"), f"t|{done}")

    def test_made_by_the_server_with_foreign_keys(self):
        self.initialized("-I", "dtGvpf", "-s", "1")
        self.assertEqual(self.rows("select count(*) from pg_constraint where contype = 'f'"), "5")
        self.transactions("-b", "tpcb-like", "-c", "8", "-t", "25", wanted=200)
        done = subprocess.run(["psql", "-X", "-c", "delete from pgbench_branches"], capture_output=True, text=True,
                              check=False, env={**clean_environment(), "PGHOST": self.host, "PGPORT": self.port,
                                                "PGUSER": "me", "PGDATABASE": "isochron", "LC_ALL": "C"})
        self.assertIn('violates foreign key constraint "pgbench_', done.stderr)


if __name__ == "__main__":
    unittest.main()
