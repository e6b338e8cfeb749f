# SPDX-License-Identifier: Apache-2.0
"""psql and pgbench as they are, against a universe of three nodes."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from universe import UniverseCase, await_state, clean_environment

PGBENCH_TABLES = """
create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamptz, filler text);
create table pgbench_tellers (tid int not null primary key, bid int, tbalance int, filler text);
create table pgbench_accounts (aid int not null primary key, bid int, abalance int, filler text);
create table pgbench_branches (bid int not null primary key, bbalance int, filler text);
insert into pgbench_branches (bid, bbalance) values (1, 0);
"""


class PsqlTest(UniverseCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("psql") is None:
            raise unittest.SkipTest("psql is not installed: postgresql-client-15 of Debian")
        super().setUpClass()
        cls.folder = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))

    def environment(self):
        return {**clean_environment(), "PGHOST": self.host, "PGPORT": self.port, "PGUSER": "me",
                "PGDATABASE": "isochron", "LC_ALL": "C", "HOME": self.folder, "PGCONNECT_TIMEOUT": "10"}

    def run_tool(self, *args, stdin="", status=0):
        done = subprocess.run(args, input=stdin, capture_output=True, text=True, timeout=240, check=False,
                              env=self.environment())
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def psql(self, *args, **more):
        return self.run_tool("psql", "-X", *args, **more)

    def test_a_person_at_psql(self):
        out = self.psql("-q", "-A", "-t", stdin="""
            \\set ON_ERROR_STOP 1
            create table people (id bigint primary key, name text, born timestamptz);
            insert into people values (1, 'Ada', '1815-12-10'), (2, 'Grace', null);
            select * from people order by id;
            begin;
            delete from people;
            rollback;
            \\echo :ROW_COUNT
            select count(*) from people \\gset
            \\echo there are :count
            select 1 as a \\; select 2 as b;
            \\timing on
            select 'end';
        """)
        self.assertIn("1|Ada|1815-12-10 00:00:00+00\n2|Grace|\n", out)
        self.assertIn("there are 2\n", out)
        self.assertIn("end\nTime: ", out)
        self.assertIn("(2 rows)", self.psql("-c", "select * from people"))

    def test_commands_that_describe(self):
        self.psql("-c", "create table shelf (id bigint primary key, label text not null default 'none')")
        self.psql("-c", "create view labels as select label from shelf", "-c", "create sequence numbers")
        self.assertRegex(self.psql("-c", "\\d labels"), r"label +\| text")
        self.assertIn('primary key, btree, for table "public.shelf"', self.psql("-c", "\\d shelf_pkey"))
        self.assertIn("SELECT", self.psql("-c", "\\sv labels"))
        self.assertRegex(self.psql("-c", "\\dt shelf"), r"public \| shelf +\| table \| isochron")
        self.assertRegex(self.psql("-c", "\\di shelf_pkey"), r"shelf_pkey +\| index +\| isochron +\| shelf")
        self.assertRegex(self.psql("-c", "\\dn"), r"public +\| pg_database_owner")
        self.assertRegex(self.psql("-c", "\\l"), r"isochron +\| isochron +\| UTF8")
        self.assertRegex(self.psql("-c", "\\du"), r"isochron +\| Superuser")
        self.assertIn('Did not find any relation named "nothing"', self.psql("-c", "\\d nothing", status=1))
        for command in ("\\d", "\\dv", "\\ds", "\\df", "\\dp", "\\dT", "\\dx", "\\dt+", "\\dv+", "\\di+", "\\dd", "\\do", "\\da",
                        "\\dC", "\\dO", "\\dconfig", "\\d numbers", "\\l+"):
            self.assertNotIn("ERROR", self.psql("-c", command))

    def test_errors_point_at_their_place(self):
        out = self.psql("-v", "VERBOSITY=verbose", "-c", "select nope from (values (1)) v", status=1)
        self.assertIn("ERROR:  ", out)
        out = self.psql("-c", "select nope", status=1)
        self.assertIn("LINE 1: select nope\n               ^", out)
        out = self.psql("-d", "nope", "-c", "select 1", status=2)
        self.assertIn('database "nope" does not exist', out)
        self.assertIn("WARNING:  there is no transaction in progress", self.psql("-c", "commit"))

    def test_one_transaction_or_none(self):
        self.psql("-c", "create table one (id bigint primary key)")
        self.psql("-c", "insert into one values (1); insert into one values (1)", status=1)
        self.assertEqual(self.psql("-At", "-c", "select count(*) from one"), "0\n")
        self.psql("-1", "-v", "ON_ERROR_STOP=1", "-c", "insert into one values (2)", "-c", "insert into one values (2)",
                  status=1)
        self.assertEqual(self.psql("-At", "-c", "select count(*) from one"), "0\n")

    def test_copy_from_a_file_and_back(self):
        there, back = pathlib.Path(self.folder, "there.csv"), pathlib.Path(self.folder, "back.csv")
        text = "id,what\n" + "".join(f'{i},"a ""quoted"", {i}\nline"\n' for i in range(3000))
        there.write_text(text)
        self.psql("-c", "create table files (id bigint primary key, what text)")
        self.assertIn("COPY 3000", self.psql("-c", f"\\copy files from '{there}' with (format csv, header)"))
        self.assertIn("COPY 3000", self.psql("-c", f"\\copy (select * from files order by id) to '{back}' csv header"))
        self.assertEqual(back.read_text(), text)

    def test_ctrl_c(self):
        self.psql("-c", "create table held (id bigint primary key, n bigint)", "-c", "insert into held values (1, 1)")
        holder = subprocess.Popen(["psql", "-X", "-q"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  env=self.environment())
        waiting = None
        try:
            holder.stdin.write("begin;\nupdate held set n = 2;\n\\echo locked\n")
            holder.stdin.flush()
            self.assertEqual(holder.stdout.readline(), "locked\n")
            waiting = subprocess.Popen(["psql", "-X", "-c", "update held set n = 3"], stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True, env=self.environment())
            await_state("it waits", 20, lambda: "update held set n = 3" in self.psql(
                "-At", "-c", "select sql from isochron.statements"))
            waiting.send_signal(signal.SIGINT)
            self.assertIn("cancel", waiting.communicate(timeout=20)[0].lower())
            self.assertEqual(waiting.returncode, 1)
        finally:
            for process in (holder, waiting):
                if process is not None:
                    process.kill()
                    process.communicate()

    @unittest.skipIf(shutil.which("pgbench") is None or subprocess.run(
        ["pgbench", "--version"], capture_output=True, check=False).returncode != 0,
        "pgbench is not installed: postgresql-15 of Debian")
    def test_pgbench(self):
        self.psql("-v", "ON_ERROR_STOP=1", stdin=PGBENCH_TABLES)
        self.psql("-c", "insert into pgbench_tellers (tid, bid, tbalance) values " +
                  ", ".join(f"({i}, 1, 0)" for i in range(1, 11)))
        accounts = pathlib.Path(self.folder, "accounts")
        accounts.write_text("".join(f"{i}\t1\t0\t\n" for i in range(1, 100_001)))
        began = time.monotonic()
        self.psql("-c", f"\\copy pgbench_accounts from '{accounts}'")
        print(f"100,000 rows by COPY in {time.monotonic() - began:.1f} s")
        done = 0
        for script in ("tpcb-like", "simple-update", "select-only"):
            for mode in ("simple", "extended", "prepared"):
                out = self.run_tool("pgbench", "-n", "-b", script, "-M", mode, "-c", "4", "-t", "50")
                self.assertIn("number of transactions actually processed: 200/200", out)
                self.assertIn("number of failed transactions: 0 (0.000%)", out)
                rate = re.search(r"tps = ([0-9.]+)", out).group(1)
                print(f"pgbench {script} -M {mode}: {rate} a second")
                done += 200 if script != "select-only" else 0
        sums = self.psql("-At", "-c", "select sum(abalance) from pgbench_accounts", "-c",
                         "select sum(delta), count(*) from pgbench_history").split("\n")
        self.assertEqual(sums[0] + f"|{done}", sums[1])


if __name__ == "__main__":
    unittest.main()
