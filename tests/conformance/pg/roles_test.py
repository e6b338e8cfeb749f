# SPDX-License-Identifier: Apache-2.0
"""Roles at the PostgreSQL door: who comes in as whom, and what is refused to it, psql and a driver asking."""

import shutil
import subprocess
import unittest

from lone_node import LoneNodeTest, outer_address
from universe import clean_environment, run

try:
    import psycopg2
    from psycopg2 import errors
except ImportError:
    psycopg2 = None


@unittest.skipIf(psycopg2 is None, "psycopg2 is not installed: python3-psycopg2 of Debian")
class RolesTest(LoneNodeTest):
    def connect(self, port, user, password=None, host="127.0.0.1"):
        connection = psycopg2.connect(host=host, port=port, user=user, password=password, dbname="isochron",
                                      sslmode="disable")
        connection.autocommit = True
        self.addCleanup(connection.close)
        return connection.cursor()

    def test_who_comes_in_and_what_is_refused(self):
        made = run("config", "pg-user", "root", stdin="pencil\n")
        file = self.root / "users"
        file.write_text(made.stdout)
        port = self.node(f"--pg-users={file}")
        root = self.connect(port, "root", "pencil")
        root.execute("select current_user, current_setting('is_superuser')")
        self.assertEqual(root.fetchone(), ("isochron", "on"))
        root.execute("begin; create role alice login password 'secret'; create role bob login;"
                     "create role group1; grant group1 to alice; commit")
        root.execute("create table t (id int primary key, v text); insert into t values (1, 'a')")
        alice = self.connect(port, "alice", "secret")
        alice.execute("select current_user, session_user, current_setting('is_superuser')")
        self.assertEqual(alice.fetchone(), ("alice", "alice", "off"))
        for statement, error in (
                ("select * from t", errors.InsufficientPrivilege),
                ("create table u (id int primary key)", errors.InsufficientPrivilege),
                ("drop table t", errors.InsufficientPrivilege),
                ("alter table t add column w int", errors.InsufficientPrivilege),
                ("select * from pg_authid", errors.InsufficientPrivilege),
                ("select * from isochron.sessions", errors.InsufficientPrivilege),
                ("create role eve superuser", errors.InsufficientPrivilege),
                ("grant select on t to alice", errors.InsufficientPrivilege),
                ("set role bob", errors.InsufficientPrivilege)):
            with self.assertRaises(error, msg=statement):
                alice.execute(statement)
        with self.assertRaisesRegex(errors.InsufficientPrivilege, "permission denied for table t"):
            alice.execute("copy t to stdout")
        root.execute("grant select on t to group1")
        alice.execute("select v from t where id = %s", (1,))
        self.assertEqual(alice.fetchone(), ("a",))
        for user, password in (("alice", "pencil"), ("bob", ""), ("bob", "secret"), ("nobody", "secret")):
            with self.assertRaises(psycopg2.OperationalError):
                self.connect(port, user, password)
        root.execute("select rolpassword ~ '^SCRAM-SHA-256' from pg_authid where rolname = 'alice'")
        self.assertEqual(root.fetchone(), (True,))
        root.execute("alter role alice nologin")
        with self.assertRaisesRegex(psycopg2.OperationalError, "role \"alice\" is not permitted to log in"):
            self.connect(port, "alice", "secret")

    @unittest.skipIf(shutil.which("psql") is None, "psql is not installed: postgresql-client-15 of Debian")
    def test_without_a_file(self):
        port = self.node()
        # On this machine a name that is no role's is a superuser; a role is what it is.
        me = self.connect(port, "me")
        me.execute("create role alice login password 'secret'")
        alice = self.connect(port, "alice")
        with self.assertRaises(errors.InsufficientPrivilege):
            alice.execute("create schema s")
        me.execute("create table t (id int primary key); grant select on t to alice")
        done = subprocess.run(["psql", "-X", "-w", "-At", "-c", "\\du", "-c", "\\dp"], capture_output=True, text=True,
                              timeout=60, env={**clean_environment(), "PGHOST": "127.0.0.1", "PGPORT": str(port),
                                               "PGUSER": "alice", "PGDATABASE": "isochron"}, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("alice||{}", done.stdout)
        self.assertIn("public|t|table|isochron=arwdDxt/isochron\nalice=r/isochron||", done.stdout)
        self.dump_and_load(port, me)
        host = outer_address()
        if host is None:
            return
        self.connect(port, "alice", "secret", host=host).execute("select * from t")
        for user, password in (("alice", "wrong"), ("isochron", "x"), ("me", "x")):
            with self.assertRaises(psycopg2.OperationalError):
                self.connect(port, user, password, host=host)

    def dump_and_load(self, port, me):
        """What pg_dump writes down of owners and rights is there again when it was loaded."""
        me.execute("create schema s authorization alice; create sequence s.q; alter sequence s.q owner to alice;"
                   "create view s.w as select id from t; grant select on s.w to public;"
                   "grant usage on schema s to public; grant update on t to alice with grant option")

        def tool(*args, stdin=None):
            done = subprocess.run([*args, "-h", "127.0.0.1", "-p", str(port), "-U", "isochron", "isochron"], input=stdin,
                                  capture_output=True, text=True, timeout=120, env=clean_environment(), check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        def rights():
            me.execute("select relname, pg_get_userbyid(relowner), relacl::text from pg_class"
                       " where relname in ('t', 'q', 'w') union all"
                       " select nspname, pg_get_userbyid(nspowner), nspacl::text from pg_namespace"
                       " where nspname in ('s', 'public') order by 1")
            return me.fetchall()

        before, dump = rights(), tool("pg_dump")
        for line in ("ALTER SCHEMA s OWNER TO alice;", "ALTER TABLE s.q OWNER TO alice;",
                     "GRANT SELECT ON TABLE public.t TO alice;", "GRANT USAGE ON SCHEMA s TO PUBLIC;",
                     "GRANT UPDATE ON TABLE public.t TO alice WITH GRANT OPTION;"):
            self.assertIn(line, dump)
        me.execute("drop schema s cascade; drop table t")
        tool("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", stdin=dump)
        self.assertEqual(rights(), before)


if __name__ == "__main__":
    unittest.main()
