# SPDX-License-Identifier: Apache-2.0
"""Databases, over three nodes, by the programs that people have for them: createdb, dropdb, psql and pg_dump as they are."""

import shutil
import subprocess
import unittest

from universe import UniverseCase, clean_environment

PROGRAMS = ("psql", "createdb", "dropdb", "pg_dump")


@unittest.skipUnless(all(shutil.which(p) for p in PROGRAMS), "postgresql-client is not installed")
class DatabasesTest(UniverseCase):
    def tool(self, node, program, *words, stdin=None, user="isochron", ok=True):
        host, port = self.universe.node(node).pg.split(":")
        done = subprocess.run([program, "-h", host, "-p", port, "-U", user, *words], input=stdin, timeout=120,
                              capture_output=True, text=True, env=clean_environment())
        if ok:
            self.assertEqual(done.returncode, 0, (program, words, done.stdout, done.stderr))
            return done.stdout
        self.assertNotEqual(done.returncode, 0, (program, words, done.stdout))
        return done.stderr

    def psql(self, node, database, text, **more):
        return self.tool(node, "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-v", "VERBOSITY=verbose", "-d", database,
                         stdin=text, **more).strip()

    def hold(self, node, database):
        """A psql that stays connected; what it is told to do, it does when asked."""
        host, port = self.universe.node(node).pg.split(":")
        held = subprocess.Popen(["psql", "-XAtq", "-h", host, "-p", port, "-U", "isochron", "-v", "VERBOSITY=verbose",
                                 "-d", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, bufsize=1, env=clean_environment())
        self.addCleanup(held.stdout.close)
        self.addCleanup(held.wait)
        self.addCleanup(held.kill)

        def say(statement):
            held.stdin.write(statement + "\n\\echo end\n")
            held.stdin.flush()
            lines = []
            while (line := held.stdout.readline()) not in ("end\n", ""):
                lines.append(line.rstrip("\n"))
            return "\n".join(lines)

        say.leave = lambda: (held.stdin.close(), held.wait())
        return say

    def test_what_has_one_name_in_two_databases_is_two(self):
        self.tool(1, "createdb", "shop")
        self.tool(2, "createdb", "stock")
        for node, database in ((1, "shop"), (2, "stock"), (3, "isochron")):
            self.psql(node, database, "CREATE SCHEMA s; CREATE SEQUENCE q; CREATE TYPE mood AS ENUM ('" + database + "');"
                      "CREATE TABLE t (id int PRIMARY KEY, v text, m mood); CREATE INDEX i ON t (v);"
                      "CREATE TABLE s.u (a int PRIMARY KEY);"
                      f"INSERT INTO t VALUES (1, '{database}', '{database}'); INSERT INTO s.u VALUES (1);")
        # At other gateways, each database's twice: the second time out of what is cached.
        for node in (3, 1, 2):
            for database in ("shop", "stock", "isochron", "shop", "stock", "isochron"):
                self.assertEqual(self.psql(node, database, "SELECT v, m, current_database(), current_catalog FROM t"),
                                 "|".join([database] * 4))
        self.psql(1, "shop", "ALTER TABLE t ADD COLUMN w int DEFAULT 7; SELECT nextval('q')")
        self.assertEqual(self.psql(2, "shop", "SELECT * FROM t; SELECT nextval('q')").split("\n")[0], "1|shop|shop|7")
        self.assertEqual(self.psql(2, "stock", "SELECT * FROM t; SELECT nextval('q')"), "1|stock|stock\n1")
        self.psql(1, "stock", "DROP SCHEMA s CASCADE; DROP INDEX i")
        self.assertEqual(self.psql(3, "shop", "SELECT a FROM s.u; SELECT v FROM t WHERE v = 'shop'"), "1\nshop")
        self.assertIn("42P01", self.psql(3, "stock", "SELECT a FROM s.u", ok=False))
        # No name shows where a database lies, and none of another's is listed.
        self.assertEqual(self.psql(3, "shop", "SELECT table_catalog, table_schema, table_name FROM information_schema.tables"
                                   " WHERE table_schema IN ('public', 's') ORDER BY 3"), "shop|public|t\nshop|s|u")
        self.assertEqual(self.psql(3, "shop", "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
                                   " WHERE nspname IN ('public', 's') ORDER BY 1"), "i\nq\nt\nt_pkey\nu\nu_pkey")
        self.assertIn('42703: column "nope" of relation "t" does not exist',
                      self.psql(3, "shop", "INSERT INTO t (nope) VALUES (1)", ok=False))
        self.assertIn('Key (id)=(1) already exists', self.psql(3, "shop", "INSERT INTO t VALUES (1)", ok=False))
        self.assertEqual(self.psql(1, "shop", "SELECT v FROM shop.public.t; SELECT a FROM shop.s.u"), "shop\n1")
        for statement in ("SELECT * FROM stock.public.t", "INSERT INTO stock.public.t VALUES (2)",
                          "CREATE TABLE stock.public.x (a int)", "DROP TABLE stock.public.t", "CREATE INDEX ON stock.public.t (v)"):
            self.assertIn("0A000: cross-database references are not implemented: \"stock.public.",
                          self.psql(1, "shop", statement, ok=False), statement)
        # An advisory lock of one is none of the other's.
        held = self.hold(1, "shop")
        self.assertEqual(held("SELECT pg_advisory_lock(1);"), "")
        self.assertEqual(self.psql(2, "shop", "SELECT pg_try_advisory_lock(1)"), "f")
        self.assertEqual(self.psql(2, "stock", "SELECT pg_try_advisory_lock(1)"), "t")
        held.leave()
        for database in ("shop", "stock"):
            self.tool(2, "dropdb", database)
        self.assertEqual(self.psql(1, "isochron", "SELECT v FROM t"), "isochron")
        self.psql(1, "isochron", "DROP SCHEMA s CASCADE; DROP TABLE t; DROP SEQUENCE q; DROP TYPE mood")

    def test_which_databases_there_are(self):
        self.assertIn('database "nowhere" does not exist', self.psql(1, "nowhere", "SELECT 1", ok=False))
        self.assertIn("not currently accepting connections", self.psql(1, "template1", "SELECT 1", ok=False))
        self.tool(1, "createdb", "listed", "a comment")
        self.assertIn('database "listed" already exists', self.tool(2, "createdb", "listed", ok=False))
        names = self.psql(3, "postgres", "SELECT datname FROM pg_database WHERE datallowconn OR datistemplate").split("\n")
        self.assertLess({"isochron", "listed", "postgres", "template0", "template1"}, set(names) | {""})
        listing = self.tool(3, "psql", "-XAt", "-d", "postgres", "-c", "\\l+ listed")
        self.assertIn("listed|isochron|UTF8|C|C|", listing)
        self.assertIn("a comment", listing)
        self.assertEqual(self.psql(2, "postgres", "\\c listed\nSELECT current_database();\n\\c isochron\nSELECT current_database()"),
                         "listed\nisochron")
        self.assertIn("55006: cannot drop the currently open", self.psql(2, "listed", "DROP DATABASE listed", ok=False))
        self.assertIn("0A000", self.psql(2, "listed", "ALTER DATABASE listed RENAME TO other", ok=False))
        for name in ("isochron", "postgres", "template1"):
            self.assertIn("is always there", self.tool(2, "dropdb", "--maintenance-db=listed", name, ok=False))
        self.assertIn("25001", self.psql(2, "postgres", "BEGIN; CREATE DATABASE inside; COMMIT", ok=False))
        self.assertIn("25001", self.psql(2, "postgres", "BEGIN; DROP DATABASE listed; COMMIT", ok=False))
        for option in ("ENCODING 'LATIN1'", "LC_COLLATE 'de_DE.UTF-8'", "TEMPLATE listed", "CONNECTION LIMIT 5",
                       "TABLESPACE fast", "IS_TEMPLATE true"):
            self.assertIn("0A000", self.psql(2, "postgres", f"CREATE DATABASE odd {option}", ok=False), option)
        self.psql(2, "postgres", "CREATE DATABASE plain WITH OWNER isochron TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C'"
                  " LC_CTYPE 'C' CONNECTION LIMIT -1 TABLESPACE pg_default")
        self.psql(2, "postgres", 'ALTER DATABASE plain RENAME TO "Fancy.Name"')
        self.assertEqual(self.psql(3, "Fancy.Name", "SELECT current_database()"), "Fancy.Name")
        self.assertIn("does not exist", self.psql(3, "plain", "SELECT 1", ok=False))
        self.assertIn("0A000", self.psql(3, "postgres", "ALTER DATABASE listed SET work_mem = '1MB'", ok=False))
        self.tool(3, "dropdb", "Fancy.Name")
        self.tool(3, "dropdb", "listed")
        self.assertIn("does not exist", self.tool(3, "dropdb", "listed", ok=False))
        self.tool(3, "dropdb", "--if-exists", "listed")

    def test_one_that_is_used_goes_only_by_force(self):
        self.tool(1, "createdb", "used")
        held = self.hold(3, "used")
        held("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);")
        self.assertEqual(held("PREPARE p AS SELECT id FROM t; EXECUTE p;"), "1")
        refused = self.tool(1, "dropdb", "used", ok=False)
        self.assertIn('database "used" is being accessed by other users', refused)
        self.assertIn("There is 1 other session using the database.", refused)
        self.assertIn("55006", self.psql(1, "postgres", "ALTER DATABASE used RENAME TO worn", ok=False))
        held("BEGIN; INSERT INTO t VALUES (2);")
        self.tool(1, "dropdb", "--force", "used")
        self.assertIn('3D000: database "used" does not exist', held("COMMIT;"))
        for statement in ("SELECT id FROM t;", "EXECUTE p;", "INSERT INTO t VALUES (3);", "CREATE TABLE u (a int);", "SELECT 1;"):
            self.assertIn('3D000: database "used" does not exist', held(statement), statement)
        # The same name again is another database, at every node, for those who come and not for who is left.
        self.tool(2, "createdb", "used")
        self.assertIn("42P01", self.psql(3, "used", "SELECT id FROM t", ok=False))
        self.psql(2, "used", "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (9)")
        self.assertEqual(self.psql(3, "used", "SELECT id FROM t"), "9")
        self.assertIn("3D000", held("SELECT id FROM t;"))
        self.assertIn("3D000", held("EXECUTE p;"))
        held.leave()
        self.tool(3, "dropdb", "used")

    def test_rights(self):
        self.psql(1, "postgres", "CREATE ROLE maker LOGIN CREATEDB; CREATE ROLE guest LOGIN")
        self.assertIn("permission denied to create database", self.tool(1, "createdb", "mine", user="guest", ok=False))
        self.tool(1, "createdb", "mine", user="maker")
        # Its owner's own, the schema public included.
        self.psql(2, "mine", "CREATE TABLE t (id int); CREATE SCHEMA s; GRANT SELECT ON t TO guest", user="maker")
        self.assertIn("42501", self.psql(2, "isochron", "CREATE TABLE t (id int)", user="maker", ok=False))
        self.assertEqual(self.psql(3, "mine", "SELECT count(*) FROM t", user="guest"), "0")
        self.assertIn("permission denied for schema public", self.psql(3, "mine", "CREATE TABLE u (a int)", user="guest", ok=False))
        self.assertIn("permission denied for database mine", self.psql(3, "mine", "CREATE SCHEMA g", user="guest", ok=False))
        self.psql(1, "mine", "GRANT CREATE ON SCHEMA public TO guest; GRANT CREATE ON DATABASE mine TO guest", user="maker")
        self.psql(3, "mine", "CREATE TABLE u (a int); CREATE SCHEMA g", user="guest")
        self.assertIn("permission denied for schema public", self.psql(3, "isochron", "CREATE TABLE u (a int)", user="guest", ok=False))
        self.assertEqual(self.psql(2, "isochron", "SELECT has_database_privilege('guest', 'mine', 'create'),"
                                   "has_database_privilege('guest', 'isochron', 'create')"), "t|f")
        self.assertIn("2BP01", self.psql(2, "postgres", "DROP ROLE guest", ok=False))
        self.assertRegex(self.psql(2, "isochron", "DROP ROLE guest", ok=False), "[0-9] objects in database mine")
        self.psql(2, "mine", "REVOKE CONNECT ON DATABASE mine FROM public", user="maker")
        refused = self.psql(3, "mine", "SELECT 1", user="guest", ok=False)
        self.assertIn('permission denied for database "mine"', refused)
        self.assertEqual(self.psql(3, "isochron", "SELECT current_user", user="guest"), "guest")
        self.assertIn("must be owner of database mine", self.tool(3, "dropdb", "mine", user="guest", ok=False))
        self.assertIn("must be owner of database mine", self.psql(3, "postgres", "ALTER DATABASE mine OWNER TO guest", user="guest", ok=False))
        self.psql(3, "postgres", "ALTER DATABASE mine OWNER TO isochron")
        self.assertIn("must be owner", self.tool(3, "dropdb", "mine", user="maker", ok=False))
        self.assertIn('permission denied for database "mine"', self.psql(3, "mine", "SELECT 1", user="maker", ok=False))
        self.tool(3, "dropdb", "mine")
        self.psql(3, "postgres", "DROP ROLE guest; DROP ROLE maker")

    def test_a_dump_that_creates_its_database(self):
        self.tool(1, "createdb", "dumped")
        self.psql(1, "dumped", "CREATE SCHEMA s; CREATE TABLE s.t (id serial PRIMARY KEY, v text); INSERT INTO s.t (v) VALUES ('a'), ('b');"
                  "CREATE VIEW w AS SELECT v FROM s.t; COMMENT ON DATABASE dumped IS 'kept'")
        def dump():
            # Newer ones write a word of chance around it.
            lines = self.tool(2, "pg_dump", "-C", "dumped").splitlines(True)
            return "".join(x for x in lines if not x.startswith(("\\restrict", "\\unrestrict")))

        text = dump()
        self.assertIn("CREATE DATABASE dumped", text)
        self.tool(2, "dropdb", "dumped")
        self.psql(3, "postgres", text)
        self.assertEqual(self.psql(1, "dumped", "SELECT v FROM w ORDER BY 1; SELECT shobj_description(oid, 'pg_database')"
                                   " FROM pg_database WHERE datname = current_database()"), "a\nb\nkept")
        self.assertEqual(dump(), text)
        self.tool(1, "dropdb", "dumped")


if __name__ == "__main__":
    unittest.main()
