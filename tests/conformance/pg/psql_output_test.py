# SPDX-License-Identifier: Apache-2.0
"""psql as a person uses it: scripts of its commands, whose output is PostgreSQL 15's, and keys at a terminal.

After a change of a script: psql_output_test.py --judge writes what a PostgreSQL 15, which it starts, answers.
"""

import difflib
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from universe import UniverseCase, clean_environment

HERE = pathlib.Path(__file__).resolve().parent
SCRIPTS = ("psql_describe", "psql_person")
# A sequence's block of values is larger here (docs/reference/sql.md); notices of our own come with monotone keys.
KNOWN = re.compile(r'^psql:\S+ NOTICE:  values of "\w+", which the primary key begins with, only grow.*\n', re.MULTILINE)


def environment(address, folder):
    host, port = address.rsplit(":", 1)
    return {**clean_environment(), "PGHOST": host, "PGPORT": port, "PGUSER": "me", "PGDATABASE": "isochron", "LC_ALL": "C.UTF-8",
            "HOME": folder, "PGCONNECT_TIMEOUT": "10", "TERM": "xterm", "PSQL_HISTORY": "/dev/null", "PAGER": "cat"}


def output(address, script):
    """What psql prints; a \\watch at its end is stopped after three times."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as folder:
        shutil.copy(HERE / f"{script}.sql", folder)
        process = subprocess.Popen(["psql", "-X", "-f", f"{script}.sql"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   cwd=folder, text=True, env=environment(address, folder), start_new_session=True)
        try:
            out = ""
            for line in process.stdout:
                out += line
                if out.count(" again \n") == 3 and out.endswith("(1 row)\n"):
                    process.terminate()
                    break
        finally:
            process.kill()
            process.communicate()
    return re.sub(r"^\w{3} .*\(every .*\)\n", "", out, flags=re.MULTILINE)


def differences(script, ours):
    """What is otherwise here: psql_*.ours has it, and may only shrink."""
    theirs = (HERE / f"{script}.out").read_text()
    lines = difflib.unified_diff(theirs.splitlines(), KNOWN.sub("", ours).splitlines(), lineterm="", n=0)
    return "".join(f"{line.rstrip()}\n" for line in lines if line[0] in "+-" and not line.startswith(("+++", "---")))


class Keys:
    """psql at a terminal."""

    def __init__(self, address, folder):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(["psql", "-X"], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        env=environment(address, folder))
        os.close(slave)
        self.seen = ""
        self.until("=> |=# ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def until(self, pattern, seconds=30):
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.seen)):
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"{pattern!r} did not come; what came: {self.seen!r}")
            self.seen += re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]|\x07", "", os.read(self.master, 65536).decode(errors="replace"))
        text, self.seen = self.seen[:found.end()], self.seen[found.end():]
        return text


@unittest.skipIf(shutil.which("psql") is None, "psql is not installed: postgresql-client-15 of Debian")
class PsqlOutputTest(UniverseCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)

    def test_scripts(self):
        for script in SCRIPTS:
            with self.subTest(script):
                self.assertEqual(differences(script, output(self.pg, script)), (HERE / f"{script}.ours").read_text())

    def test_the_tab_key(self):
        with Keys(self.pg, self.folder) as psql:
            psql.type("create table zebras (stripes int primary key, mane_length int);\n")
            psql.until("CREATE TABLE")
            psql.until("=> |=# ")
            for typed, rest in (("select * from zeb", "ras "), ("update zebras set man", "e_length "), ("\\d zeb", "ras"),
                                ("insert into zeb", "ras "), ("alter table zeb", "ras "), ("drop index zebras_p", "key "),
                                ("\\df split_p", "art"), ("analyze zeb", "ras "), ("delete from zeb", "ras "),
                                ("comment on table zeb", "ras "), ("create index on zebras (str", "ipes "),
                                ("alter table zebras drop column ma", "ne_length "), ("truncate zeb", "ras "),
                                ("select * from pg_clas", "s "), ("explain select * from zeb", "ras "),
                                ("copy zeb", "ras "), ("show server_vers", "ion")):
                with self.subTest(typed):
                    psql.type(typed + "\t")
                    psql.until(re.escape(typed + rest), 10)
                    psql.type("\x15\n")  # takes the line back
                    psql.until("=> |=# ")
            psql.type("select 6 * 7;\n")
            psql.until("42")

    def test_ctrl_c_stops_a_statement_and_not_the_session(self):
        with Keys(self.pg, self.folder) as psql:
            psql.type("select count(*) from generate_series(1, 1000000000000) a;\n")
            psql.until("a;")
            time_limit = time.monotonic() + 30
            while time.monotonic() < time_limit:
                psql.type("\x03")
                try:
                    psql.until("canceling statement due to user request", 1)
                    break
                except AssertionError:
                    continue
            psql.type("\nselect 6 * 7;\n")
            psql.until("42")


if __name__ == "__main__":
    if sys.argv[1:] == ["--judge"]:
        from judge import Judge
        for name in SCRIPTS:
            with Judge() as judge:
                (HERE / f"{name}.out").write_text(output(judge.address, name))
    else:
        unittest.main()
