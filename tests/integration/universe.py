# SPDX-License-Identifier: Apache-2.0
"""A universe of real processes for the tests: starts it, talks SQL to it, kills parts of it.

States are waited for by polling with a deadline, never by sleeping for a time that should be enough.
Everything started here is ended here, whatever way the test ends: `with Universe() as u:`.

The program is $ISOCHRON, or the one of Bazel's runfiles, or bin/isochron.
"""

import csv
import ctypes
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

# The project's root: Bazel runs a test in a copy of it, with what the test named.
ROOT = pathlib.Path.cwd()
if not (ROOT / "tests/integration/universe.py").exists():
    ROOT = pathlib.Path(__file__).resolve().parents[2]
LEASE_S = 3.0
# Catalog and tablet map; all other groups hold rows of tables.
SYSTEM_GROUP = 1
# A universe of three nodes is ready within this on a busy machine of two cores.
START_S = 75
PR_SET_CHILD_SUBREAPER = 36


def program():
    places = [os.environ.get("ISOCHRON"), ROOT / "server/main/isochron", ROOT / "bin/isochron"]
    for place in places:
        if place and pathlib.Path(place).is_file():
            return str(pathlib.Path(place).absolute())
    raise SystemExit("no program to test: run ./dev build, or set ISOCHRON")


def clean_environment():
    """The caller's settings must not reach the program under test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ISOCHRON_")}
    kept.pop("SPANNER_EMULATOR_HOST", None)
    return kept


def run(*args, timeout=60, stdin=""):
    """One command of the program, to its end. Never raises for a bad exit status."""
    return subprocess.run([program(), *map(str, args)], input=stdin, capture_output=True, text=True,
                          errors="replace", timeout=timeout, env=clean_environment(), check=False)


def await_state(what, seconds, probe, every=0.05):
    """Polls until `probe` returns something true, and returns it. SqlErrors count as not yet."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            last = probe()
            if last:
                return last
        except SqlError as error:
            last = error
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s; last seen: {last!r}")
        time.sleep(every)


def scratch():
    return tempfile.mkdtemp(prefix="iso-", dir=os.environ.get("TEST_TMPDIR"))


class SqlError(Exception):
    """A statement failed. `state` is its SQLSTATE, "" when the answer had none."""

    def __init__(self, status, text):
        super().__init__(text.strip())
        self.status = status
        self.text = text
        found = re.search(r"\(SQLSTATE (\w{5})\)", text)
        self.state = found.group(1) if found else ""


class Node:
    """One process of the universe. Restarted, it keeps its ports and its folder."""

    def __init__(self, description):
        self.number = description["node"]
        self.region = description["region"]
        self.grpc = description["grpc"]
        self.pg = description["pg"]
        self.data = description["data"]
        self.pid = description["pid"]
        self.command = self._command_line()
        self.process = None

    def _command_line(self):
        words = pathlib.Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")[1:-1]
        return [w.decode() for w in words if w != b"--bootstrap"]

    def alive(self):
        try:
            stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        except FileNotFoundError:
            return False
        return stat.rsplit(")", 1)[1].split()[0] != "Z"

    def signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        """kill -9, and wait for the end."""
        if self.alive():
            self.signal(signal.SIGKILL)
        return self.wait(10)

    def wait(self, seconds):
        """The exit status; negative when a signal ended it."""
        if self.process is not None:
            return self.process.wait(seconds)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.process = _Ended(os.waitstatus_to_exitcode(status))
                return self.process.status
            time.sleep(0.01)
        raise AssertionError(f"node {self.number} has not ended after {seconds} s")

    def restart(self):
        with open(self.log_file(), "ab") as log:
            self.process = subprocess.Popen([program(), *self.command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True,
                                            env=clean_environment())
        self.pid = self.process.pid

    def log_file(self):
        return f"{self.data}.log"

    def resident_bytes(self):
        found = re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{self.pid}/status").read_text())
        return int(found.group(1)) * 1024

    def sql(self, text, timeout=30, **more):
        return sql(self.grpc, text, timeout, **more)

    def rows(self, text, timeout=30):
        return rows(self.grpc, text, timeout)

    def value(self, text, timeout=30):
        """The only value of the only row."""
        [[value]] = self.rows(text, timeout)
        return value


class _Ended:
    def __init__(self, status):
        self.status = status

    def wait(self, _seconds):
        return self.status


def sql(target, text, timeout=30, output=None):
    """Runs statements through the shell; its standard output. SqlError when one failed."""
    flags = ["--format", output] if output else []
    try:
        done = run("sql", "--target", target, *flags, "-e", text, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise SqlError(None, f"no answer within {timeout} s") from error
    if done.returncode != 0:
        raise SqlError(done.returncode, done.stderr or done.stdout)
    return done.stdout


def rows(target, text, timeout=30):
    """The rows of one query, as lists of texts."""
    return list(csv.reader(io.StringIO(sql(target, text, timeout, "csv"))))[1:]


class Universe:
    """`isochron demo --detach`, by default without emulated latencies."""

    def __init__(self, wan=False, flags=()):
        # Detached nodes come back to this process when the demo has gone, so that it sees how they end.
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.root = scratch()
        self.data = os.path.join(self.root, "data")
        self.flags = [*([] if wan else ["--no-wan"]), *flags]
        self.nodes = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def start(self):
        """The first start, or the next one after all nodes ended: same folder, new ports."""
        done = run("demo", *self.flags, "--detach", "--data", self.data, timeout=START_S + 30)
        if done.returncode != 0:
            raise AssertionError(f"demo --detach: exit {done.returncode}\n{done.stdout}{done.stderr}")
        self.flags = [f for f in self.flags if f in ("--wan", "--no-wan")]
        self.nodes = [Node(n) for n in json.loads(done.stdout)["nodes"]]

    def __exit__(self, kind, *_):
        for node in self.nodes:
            if node.alive():
                node.kill()
        self._end_strays()
        if kind is not None:
            self._print_logs()
        shutil.rmtree(self.root, ignore_errors=True)
        return False

    def _end_strays(self):
        """Nodes that a failed start left: only processes with our own folder among their words."""
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if "start" in words and any(w.startswith(self.data + "/") for w in words):
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                continue

    def _print_logs(self):
        for log in sorted(pathlib.Path(self.data).glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            print(f"---- the end of {log.name}", *lines[-25:], sep="\n", file=sys.stderr)

    def live(self):
        return [n for n in self.nodes if n.alive()]

    def node(self, number):
        return next(n for n in self.nodes if n.number == int(number))

    def leaders(self, via=None):
        """Group -> number of the leading node, or None."""
        via = via or self.live()[0]
        found = via.rows("SELECT group_id, leader FROM isochron.groups", 10)
        return {int(g): int(l) if l else None for g, l in found}

    def await_caught_up(self, seconds=40):
        """All replicas of every group have applied the same."""
        count = len(self.nodes)

        def equal():
            via = self.live()[0]
            applied = {}
            for group, index in via.rows("SELECT group_id, applied_index FROM isochron.replicas", 10):
                applied.setdefault(group, []).append(index)
            return all(len(a) == count and len(set(a)) == 1 for a in applied.values()) and applied

        return await_state("all replicas caught up", seconds, equal, 0.2)

    def counters(self, name, via=None):
        """Sum over the nodes."""
        via = via or self.live()[0]
        return int(via.value(f"SELECT coalesce(sum(value), 0) FROM isochron.counters WHERE name = '{name}'"))


class UniverseCase(unittest.TestCase):
    """Tests that share a universe: cls.universe, and cls.pg, where its first node's PostgreSQL door is."""

    FLAGS = ()

    @classmethod
    def setUpClass(cls):
        cls.universe = Universe(flags=cls.FLAGS)
        cls.universe.__enter__()
        cls.addClassCleanup(cls.universe.__exit__, None, None, None)
        cls.pg = cls.universe.nodes[0].pg
        cls.host, cls.port = cls.pg.rsplit(":", 1)
