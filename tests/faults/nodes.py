# SPDX-License-Identifier: Apache-2.0
"""A universe of `isochron start` processes made to be broken: a network, a clock and a disk of its own for each node.

Every node is a region with a replica of everything. The last node's folder is a small file system in memory.
"""

import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import shim
import universe
from network import Network
from universe import SqlError, Universe, await_state

SERVES_S = 60
# The log alone may take 256 MiB before it is cut.
SMALL_DISK_MIB, RESERVE_MIB = 768, 48


class FaultNode(universe.Node):
    """A node that is started by hand. What was set on its shim lasts over restarts."""

    def __init__(self, number, owner):
        self.owner = owner
        self.number = number
        self.region = f"r{number}"
        self.grpc = f"{owner.network.address(number)}:9010"
        self.data = os.path.join(owner.data, f"node-{number}")
        self.program = universe.program()
        self.shim = shim.Shim(owner.library, os.path.join(owner.root, f"shim-{number}"))
        self.extra = ["--bootstrap"]
        self.process = None
        self.pid = 0

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def restart(self):
        """The first start too: only that one makes a new universe."""
        address = self.owner.network.address(self.number)
        words = [*self.owner.network.enter(self.number), self.program, "start", "--data", self.data,
                 "--node", str(self.number), "--peers", self.owner.peers(), "--listen-peers", f"{address}:7400",
                 "--listen-grpc", f"{address}:9010", "--die-with-parent", *self.owner.flags, *self.extra]
        self.extra = []
        environment = universe.clean_environment() | self.shim.environment() | self.owner.environment(self.number)
        with open(self.log_file(), "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        self.pid = self.process.pid

    def kill(self):
        if self.alive():
            self.signal(signal.SIGKILL)
        return self.wait(10)

    def stop(self):
        """SIGTERM, to its end."""
        self.signal(signal.SIGTERM)
        return self.wait(40)

    def serves(self):
        """It answers a strong read that takes a group's leader."""
        if not self.alive():
            raise AssertionError(f"node {self.number} ended with {self.process.returncode}")
        return self.value("SELECT count(*) FROM probe", 5) == "1"

    def await_serves(self, seconds=SERVES_S):
        await_state(f"node {self.number} serves", seconds, self.serves, 0.2)

    def log_text(self):
        return pathlib.Path(self.log_file()).read_text(errors="replace")


class FaultUniverse(Universe):
    """Use as a context, in a namespace of our own."""

    def __init__(self, count=5, flags=(), clock="fixed:5ms"):
        super().__init__()
        self.count = count
        self.flags = ["--clock", clock, "--disk-reserve", f"{RESERVE_MIB}MiB", "--write-buffer-size", "16MiB",
                      "--version-retention", "2m", *flags]
        self.library = shim.build(self.root)
        self.network = Network(range(1, count + 1))
        self.next_program = None

    def start(self):
        ctypes.CDLL(None).prctl(universe.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        os.makedirs(self.data)
        self.network.__enter__()
        self.nodes = [FaultNode(number, self) for number in self.network.numbers]
        small = self.nodes[-1].data
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MIB}m", "none", small], check=True)
        for node in self.nodes:
            node.restart()
        for node in self.nodes:
            await_state(f"node {node.number} is ready", SERVES_S, lambda n=node: n.value("SELECT 1", 5))
        self.nodes[0].sql("CREATE TABLE probe (k bigint PRIMARY KEY, v bigint); INSERT INTO probe VALUES (1, 0)")

    def __exit__(self, kind, *rest):
        for node in self.nodes:
            if node.alive():
                node.kill()
        if self.nodes:
            subprocess.run(["umount", self.nodes[-1].data], capture_output=True, check=False)
        super().__exit__(kind, *rest)
        self.network.__exit__()
        return False

    def peers(self):
        return ",".join(f"{n}={self.network.address(n)}:7400/r{n}/r{n}-a" for n in self.network.numbers)

    def environment(self, _number):
        """More variables for a node; for universes that differ."""
        return {}

    def targets(self):
        return ",".join(node.grpc for node in self.nodes)

    def other_program(self, node):
        """A second copy of the program, as an upgrade installs one."""
        if self.next_program is None:
            self.next_program = os.path.join(self.root, "isochron-next")
            shutil.copy(universe.program(), self.next_program)
        return universe.program() if node.program == self.next_program else self.next_program

    def via(self, but=()):
        """A node that answers and is none of these."""
        for node in self.nodes:
            if node not in but and node.alive():
                try:
                    node.value("SELECT 1", 5)
                    return node
                except SqlError:
                    continue
        raise AssertionError("no node answers")

    def replicas(self, via):
        """Group -> {node: kind}."""
        found = {}
        for group, node, kind in via.rows("SELECT group_id, node, kind FROM isochron.replicas", 10):
            found.setdefault(int(group), {})[int(node)] = kind
        return found

    def replace(self, node):
        """The node's folder is lost: an empty one, and new replicas of every group."""
        if node.alive():
            node.kill()
        for entry in pathlib.Path(node.data).iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        node.extra = ["--join"]
        node.restart()
        node.await_serves()
        via = self.via(but=[node])
        for group in sorted(self.replicas(via)):
            for call in ("remove_replica", "add_replica"):
                text = f"SELECT isochron.{call}({group}, {node.number})"
                await_state(text, SERVES_S, lambda t=text: via.sql(t, 20), 0.5)

    def await_all_serve(self, seconds=SERVES_S):
        for node in self.nodes:
            node.await_serves(seconds)


def complain(text):
    print(text, file=sys.stderr, flush=True)
