# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's JDBC driver as it is: what a Java program sees here, line by line beside what PostgreSQL 15 showed it.

ours.txt has the lines that are otherwise here, behind those that PostgreSQL gave; it may only shrink. After a change of the programs:

    jdbc_test.py --judge > postgresql.txt      asks a PostgreSQL 15 that it starts
"""

import difflib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from universe import Universe, clean_environment

HERE = pathlib.Path(__file__).resolve().parent
JAR = pathlib.Path("/usr/share/java/postgresql.jar")


def shown(address, database="isochron"):
    """What the program prints."""
    with tempfile.TemporaryDirectory() as classes:
        path = f"{classes}:{JAR}"
        subprocess.run(["javac", "-cp", path, "-d", classes, *map(str, sorted(HERE.glob("*.java")))], check=True)
        done = subprocess.run(
            ["java", "-Duser.timezone=UTC", "-Duser.language=en", "-Dfile.encoding=UTF-8", "-cp", path, "Conformance", address,
             database, "me"], capture_output=True, timeout=400, check=False, env=clean_environment())
    if done.returncode != 0:
        raise AssertionError(done.stdout.decode() + done.stderr.decode())
    return done.stdout.decode().splitlines()


@unittest.skipIf(shutil.which("javac") is None or shutil.which("java") is None, "no javac is installed: default-jdk-headless of Debian")
@unittest.skipUnless(JAR.exists(), "PostgreSQL's JDBC driver is not installed: libpostgresql-jdbc-java of Debian")
class JdbcTest(unittest.TestCase):
    def test_it_shows_what_postgresql_shows(self):
        expected = (HERE / "postgresql.txt").read_text().splitlines()
        known = (HERE / "ours.txt").read_text().splitlines()
        with Universe() as universe:
            ours = shown(universe.nodes[0].pg)
        differences = [line for line in difflib.unified_diff(expected, ours, lineterm="", n=0)
                       if line[0] in "+-" and not line.startswith(("+++", "---"))]
        self.assertEqual(differences, known)


if __name__ == "__main__":
    if sys.argv[1:] == ["--judge"]:
        from judge import Judge
        with Judge() as judge:
            print("\n".join(shown(judge.address)))
    else:
        unittest.main()
