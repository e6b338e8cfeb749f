# SPDX-License-Identifier: Apache-2.0
"""Passwords at the PostgreSQL door: a node with a file of users, and one without, asked from here and from outside."""

import re
import shutil
import subprocess
import unittest

import wire
from lone_node import LoneNodeTest, outer_address
from universe import clean_environment, run
from wire import Wire, message, query, zero

try:
    import psycopg2
except ImportError:
    psycopg2 = None


class PasswordTest(LoneNodeTest):
    def node_with_users(self):
        lines = []
        for name, password in (("ada", "pencil"), ("o\"me", "two words")):
            made = run("config", "pg-user", name, stdin=password + "\n")
            self.assertEqual(made.returncode, 0, made.stderr)
            self.assertNotIn(password, made.stdout)
            lines.append(made.stdout)
        file = self.root / "users"
        file.write_text("# who may come in\n" + "".join(lines))
        return self.node(f"--pg-users={file}")

    def refused(self, host, port, *parts, code):
        with Wire(f"{host}:{port}", start=False) as w:
            w.send(*parts)
            kind, body = w.closed()[-1]
            self.assertEqual((kind, wire.fields(body)["C"], wire.fields(body)["S"]), ("E", code, "FATAL"))
            return wire.fields(body)

    @unittest.skipIf(shutil.which("psql") is None, "psql is not installed: postgresql-client-15 of Debian")
    def test_who_comes_in(self):
        port = self.node_with_users()

        def psql(host, user, password):
            return subprocess.run(
                ["psql", "-X", "-w", "-At", "-c", "select 1 + 1"], capture_output=True, text=True, timeout=60,
                env={**clean_environment(), "PGHOST": host, "PGPORT": str(port), "PGUSER": user,
                     "PGDATABASE": "isochron", "PGPASSWORD": password}, check=False)

        for host in filter(None, ("127.0.0.1", outer_address())):
            for user, password in (("ada", "pencil"), ("o\"me", "two words")):
                done = psql(host, user, password)
                self.assertEqual((done.returncode, done.stdout), (0, "2\n"), done.stderr)
            for user, password in (("ada", "two words"), ("ada", ""), ("nobody", "pencil"), ("\"", "x")):
                done = psql(host, user, password)
                self.assertEqual(done.returncode, 2, done.stdout)
                if password:
                    self.assertIn(f'password authentication failed for user "{user}"', done.stderr)

    @unittest.skipIf(psycopg2 is None, "psycopg2 is not installed: python3-psycopg2 of Debian")
    def test_a_driver_comes_in(self):
        connection = psycopg2.connect(host="127.0.0.1", port=self.node_with_users(), user="ada", password="pencil",
                                      dbname="isochron")
        with connection, connection.cursor() as c:
            c.execute("select 1")
            self.assertEqual(c.fetchone(), (1,))
        connection.close()

    def test_what_is_said_before_the_password(self):
        port, host = self.node_with_users(), "127.0.0.1"
        first = zero("SCRAM-SHA-256") + b"\0\0\0\x0bn,,n=,r=abc"
        for said, code in ((query("select 1"), "08P01"), (message("S"), "08P01"),
                           (b"Q" + (20_000).to_bytes(4, "big"), "08P01"), (message("p", b"secret\0"), "08P01"),
                           (message("p", zero("PLAIN") + b"\0\0\0\0"), "08P01"),
                           (message("p", zero("SCRAM-SHA-256") + b"\xff\xff\xff\xff"), "08P01"),
                           (message("p", first) + message("p", b"c=biws,r=abc,p="), "08P01")):
            self.refused(host, port, Wire.hello(user="ada"), said, code=code)
        self.refused(host, port, Wire.hello(user=b"\xff"), code="22021")
        self.refused(host, port, Wire.hello(user=None), code="28000")
        # A name that is not there is asked like one that is, and always the same.
        salts = set()
        for user in ("ada", "nobody", "nobody"):
            with Wire(f"{host}:{port}", start=False) as w:
                w.send(Wire.hello(user=user), message("p", first))
                self.assertEqual(w.receive(), ("R", b"\0\0\0\x0aSCRAM-SHA-256\0\0"))
                salts.add(re.search(rb",s=([^,]+),i=4096$", w.receive()[1]).group(1))
        self.assertEqual(len(salts), 2)

    def test_without_users_only_this_machine_comes_in(self):
        port = self.node()
        with Wire(f"127.0.0.1:{port}") as w:
            self.assertEqual(w.sql("select 1")[1], "D:1")
        host = outer_address()
        if host is None:
            self.skipTest("this machine has no address but loopback")
        self.assertIn("--pg-users", self.refused(host, port, Wire.hello(), code="28000")["H"])


if __name__ == "__main__":
    unittest.main()
