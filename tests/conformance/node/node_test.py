# SPDX-License-Identifier: Apache-2.0
"""Clients from npm as they are, against three nodes: node-postgres, query builders and ORMs (Drizzle, Knex, Sequelize), and
migration tools (Knex's, node-pg-migrate).

They are fetched when the test runs; without Node.js, or without a registry to fetch from, it is skipped.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from universe import Universe, clean_environment

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_S = 200


class NodeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if shutil.which("npm") is None or shutil.which("node") is None:
            raise unittest.SkipTest("Node.js and npm are not installed")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="node-", dir=os.environ.get("TEST_TMPDIR")))
        for file in HERE.glob("*.js*"):
            shutil.copy(file, cls.folder / file.name)
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        # HOME may not be ours to write to.
        installed = subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=cls.folder, capture_output=True,
                                   text=True, timeout=240, check=False,
                                   env={**os.environ, "npm_config_cache": str(cls.folder / "cache")})
        if installed.returncode != 0:
            raise unittest.SkipTest("npm cannot fetch the clients: " + installed.stderr[-300:])
        cls.universe = Universe()
        cls.universe.__enter__()
        cls.addClassCleanup(cls.universe.__exit__, None, None, None)

        # Most of their time is waiting for changes of the schema, 2.3 s each: side by side.
        cls.running = {script.name: cls.start(script) for script in sorted(cls.folder.glob("*.test.js"))}

    @classmethod
    def start(cls, script):
        addresses = [n.pg for n in cls.universe.nodes]
        host, port = addresses[0].rsplit(":", 1)
        log = script.with_suffix(".log")
        with open(log, "w") as out:
            process = subprocess.Popen(
                ["node", "--test", "--test-reporter=tap", script.name], cwd=cls.folder, stdout=out, stderr=out,
                env={**clean_environment(), "PGHOST": host, "PGPORT": port, "PGUSER": "me", "PGDATABASE": "isochron",
                     "NODES": ",".join(addresses)})
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.kill)
        return process, log

    def check(self, script):
        process, log = self.running[script]
        status = process.wait(TIMEOUT_S)
        self.assertEqual(status, 0, log.read_text())

    def test_node_postgres(self):
        self.check("pg.test.js")

    def test_drizzle(self):
        self.check("drizzle.test.js")

    def test_knex(self):
        self.check("knex.test.js")

    def test_knex_migrations(self):
        self.check("knex_migrate.test.js")

    def test_node_pg_migrate(self):
        self.check("node_pg_migrate.test.js")

    def test_sequelize(self):
        self.check("sequelize.test.js")


if __name__ == "__main__":
    unittest.main()
