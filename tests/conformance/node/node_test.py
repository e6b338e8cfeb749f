# SPDX-License-Identifier: Apache-2.0
"""Clients from npm as they are (node-postgres, Drizzle), against three nodes.

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

    def check(self, script):
        addresses = [n.pg.rsplit(":", 1) for n in self.universe.nodes]
        done = subprocess.run(
            ["node", "--test", "--test-reporter=tap", script], cwd=self.folder, capture_output=True, text=True,
            timeout=600, check=False,
            env={**clean_environment(), "PGHOST": addresses[0][0], "PGPORT": addresses[0][1], "PGUSER": "me",
                 "PGDATABASE": "isochron"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_node_postgres(self):
        self.check("pg.test.js")

    def test_drizzle(self):
        self.check("drizzle.test.js")


if __name__ == "__main__":
    unittest.main()
