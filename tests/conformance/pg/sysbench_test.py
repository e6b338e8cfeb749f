# SPDX-License-Identifier: Apache-2.0
"""sysbench's scripts for PostgreSQL as they are, against three nodes: prepare, run, clean up, on several tables at once."""

import re
import shutil
import subprocess
import unittest

import wire
from universe import UniverseCase, clean_environment

ROWS = 2000
TABLES = 3


@unittest.skipIf(shutil.which("sysbench") is None, "sysbench is not installed: sysbench of Debian")
class SysbenchTest(UniverseCase):
    def sysbench(self, script, *args, tables=TABLES):
        done = subprocess.run(
            ["sysbench", script, "--db-driver=pgsql", f"--pgsql-host={self.host}", f"--pgsql-port={self.port}",
             "--pgsql-user=me", "--pgsql-db=isochron", f"--tables={tables}", f"--table-size={ROWS}", *args],
            capture_output=True, text=True, timeout=240, check=False, env=clean_environment())
        out = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, out)
        self.assertNotIn("FATAL", out)
        return out

    def value(self, sql):
        with wire.Wire(self.pg) as w:
            answer = w.sql(sql)
        self.assertEqual(answer[0], "T", answer)
        return answer[1]

    def measured(self, script, *flags, events, may_lose=False):
        """Runs so many events, with 8 threads. sysbench itself begins an event anew that was told 40001."""
        out = self.sysbench(script, "--threads=8", "--time=0", f"--events={events}", *flags, "run")
        self.assertEqual(int(re.search(r"transactions: +(\d+)", out).group(1)), events, out)
        lost = int(re.search(r"ignored errors: +(\d+)", out).group(1))
        if not may_lose:
            self.assertEqual(lost, 0, out)
        rate = re.search(r"transactions: .*\(([0-9.]+) per sec", out).group(1)
        print(f"sysbench {script} {' '.join(flags)}: {rate} a second, {lost} begun anew")

    def tables_are_whole(self):
        """Each index says what its table says."""
        for i in range(1, TABLES + 1):
            by_index = f"select k, id from sbtest{i} where k > 0"
            self.assertIn(f"by index k_{i} on", self.value("explain " + by_index))
            self.assertEqual(self.value(f"select count(*), sum(k), sum(id) from sbtest{i}"),
                             self.value(f"select count(*), sum(k), sum(id) from ({by_index} offset 0) x"))

    def test_oltp(self):
        self.sysbench("oltp_read_write", "--threads=3", "prepare")
        for i in range(1, TABLES + 1):
            self.assertEqual(self.value(f"select count(*), min(id), max(id) from sbtest{i}"), f"D:{ROWS}|1|{ROWS}")
        self.assertIn("by index k_1 on sbtest1", self.value("explain select c from sbtest1 where k = 5"))
        for mode in ("auto", "disable"):
            ps = f"--db-ps-mode={mode}"
            self.measured("oltp_read_only", ps, events=100)
            self.measured("oltp_point_select", ps, events=2000)
            self.measured("select_random_points", ps, events=500)
            self.measured("select_random_ranges", ps, events=100)
            self.measured("oltp_update_index", ps, events=500)
            self.measured("oltp_update_non_index", ps, events=500)
            # What they read before another changed it cannot have been read: they are told 40001.
            self.measured("oltp_read_write", ps, events=150, may_lose=True)
            self.measured("oltp_write_only", ps, events=200, may_lose=True)
            for i in range(1, TABLES + 1):
                self.assertEqual(self.value(f"select count(*) from sbtest{i}"), f"D:{ROWS}")
        self.measured("oltp_insert", events=500)
        self.assertEqual(self.value("select (select count(*) from sbtest1) + (select count(*) from sbtest2) + "
                                    "(select count(*) from sbtest3)"), f"D:{TABLES * ROWS + 500}")
        self.measured("oltp_delete", events=500)
        self.tables_are_whole()
        self.sysbench("oltp_read_write", "cleanup")
        self.assertEqual(self.value("select count(*) from pg_class where relname like 'sbtest%'"), "D:0")

    def test_keys_given_by_the_client(self):
        flags = ("--auto_inc=off", "--threads=2")
        self.sysbench("oltp_insert", *flags, "prepare", tables=2)
        self.sysbench("oltp_insert", *flags, "--time=0", "--events=200", "run", tables=2)
        self.sysbench("oltp_insert", "cleanup", tables=2)

    def test_bulk_insert(self):
        self.sysbench("bulk_insert", "--threads=4", "prepare")
        self.sysbench("bulk_insert", "--threads=4", "--time=0", "--events=40000", "run")
        counts = [int(self.value(f"select count(*) from sbtest{i}")[2:]) for i in range(1, 5)]
        self.assertGreater(sum(counts), 40000 - 4 * 10000)  # what a thread has gathered last stays with it
        self.sysbench("bulk_insert", "--threads=4", "cleanup")


if __name__ == "__main__":
    unittest.main()
