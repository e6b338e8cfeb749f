# SPDX-License-Identifier: Apache-2.0
"""pgbench as it is, against a universe of three nodes: what its tests share."""

import os
import re
import shutil
import subprocess
import time
import unittest

from universe import UniverseCase, clean_environment


def works(name):
    return shutil.which(name) is not None and subprocess.run(
        [name, "--version"], capture_output=True, check=False).returncode == 0


@unittest.skipUnless(works("pgbench") and works("psql"), "pgbench is not installed: postgresql-15 of Debian")
class PgbenchCase(UniverseCase):
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

    def initialized(self, *flags, scale=1):
        began = time.monotonic()
        self.run_tool("pgbench", "-i", "-q", "-s", str(scale), *flags)
        print(f"pgbench -i -s {scale} {' '.join(flags)}: {time.monotonic() - began:.1f} s")
        self.assertEqual(self.rows("select count(*), min(aid), max(aid) from pgbench_accounts"),
                         f"{scale}00000|1|{scale}00000")
        self.assertEqual(self.rows("select count(*) from pgbench_tellers"), f"{scale}0")
        self.assertIn("Point Get on pgbench_accounts",
                      self.rows("explain select abalance from pgbench_accounts where aid = 5"))

    def transactions(self, *flags, wanted):
        """So many transactions, none failed. How often the server ran one again, unseen, is printed."""
        before = self.universe.counters("sql.replays")
        out = self.run_tool("pgbench", "-n", *flags)
        again = self.universe.counters("sql.replays") - before
        self.assertIn(f"number of transactions actually processed: {wanted}/{wanted}", out)
        self.assertIn("number of failed transactions: 0 (0.000%)", out)
        print(f"pgbench {' '.join(flags)}: {re.search('tps = ([0-9.]+)', out).group(1)} a second, "
              f"{again / wanted:.2f} replays a transaction")

    def all_scripts(self, *flags, each):
        """The three scripts in the three modes; how many rows of history they wrote."""
        clients = int(flags[flags.index("-c") + 1])
        for script in ("tpcb-like", "simple-update", "select-only"):
            for mode in ("simple", "extended", "prepared"):
                self.transactions("-b", script, "-M", mode, *flags, "-t", str(each), wanted=clients * each)
        return 6 * clients * each

    def assert_sums(self, done):
        self.assertEqual(self.rows("select sum(delta) = (select sum(abalance) from pgbench_accounts), count(*) "
                                   "from pgbench_history"), f"t|{done}")
