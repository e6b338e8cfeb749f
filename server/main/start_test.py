# SPDX-License-Identifier: Apache-2.0
"""`isochron start` with what people get wrong: a clear message each, the right exit status, nothing lost."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import unittest

PROGRAM = pathlib.Path(os.environ["TEST_SRCDIR"], "isochron/server/main/isochron")


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


class StartTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))
        self.data = self.root / "data"
        self.peers, self.grpc = free_ports(2)

    def arguments(self, **changes):
        flags = {
            "data": self.data, "node": 1, "peers": f"1=127.0.0.1:{self.peers}/here/a",
            "listen-peers": f"127.0.0.1:{self.peers}", "listen-grpc": f"127.0.0.1:{self.grpc}",
            "listen-pg": "127.0.0.1:0", "clock": "fixed:1ms", "bootstrap": "true",
            **{k.replace("_", "-"): v for k, v in changes.items()},
        }
        return [PROGRAM, "start", *(f"--{k}={v}" for k, v in flags.items() if v is not None)]

    def fails(self, status, message, **changes):
        done = subprocess.run(self.arguments(**changes), capture_output=True, text=True, timeout=60)
        self.assertIn(message, done.stderr)
        self.assertEqual(done.returncode, status, done.stderr)

    def start(self, **changes):
        """A node that is ready; it is killed at the end of the test."""
        log = open(self.root / "log", "a+")
        self.addCleanup(log.close)
        process = subprocess.Popen(self.arguments(**changes), stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        end = time.monotonic() + 60
        while "ready: " not in (self.root / "log").read_text():
            self.assertIsNone(process.poll(), (self.root / "log").read_text())
            self.assertLess(time.monotonic(), end, (self.root / "log").read_text())
            time.sleep(0.02)
        return process

    def test_usage(self):
        self.fails(2, "did you mean --clock?", clokc="x")
        self.fails(2, "--data", data=None)
        self.fails(2, "--node", node=0)
        self.fails(2, "--peers", peers="1=here")
        self.fails(2, "did you mean lease?", config=self.yaml("leese: 3s"))
        self.fails(2, "needs its bound stated", clock="fixed")

    def yaml(self, text):
        path = self.root / "config.yaml"
        path.write_text(text)
        return path

    def test_no_clock_bound(self):
        # There is no chrony on a machine that only builds; where there is one, it is not asked.
        with tempfile.TemporaryDirectory() as empty:
            done = subprocess.run(self.arguments(clock="chrony"), capture_output=True, text=True, timeout=60,
                                  env={"PATH": empty})
        self.assertEqual(done.returncode, 1)
        self.assertIn("does not start without a bound", done.stderr)
        self.assertFalse(self.data.exists())

    def test_foreign_folder(self):
        self.data.mkdir()
        (self.data / "letters.txt").write_text("dear")
        self.fails(1, "not an isochron node's", bootstrap="true")
        self.assertEqual([p.name for p in self.data.iterdir()], ["letters.txt"])

    def test_folder_that_cannot_be_made(self):
        (self.root / "file").write_text("")
        self.fails(1, "data folder", data=self.root / "file" / "data")

    def test_empty_folder_without_bootstrap(self):
        self.fails(1, "--bootstrap", bootstrap=None)

    def test_busy_port(self):
        for port in (self.peers, self.grpc):
            with socket.create_server(("127.0.0.1", port)):
                self.fails(1, str(port))

    def test_second_process_other_node_and_restart(self):
        first = self.start()
        self.fails(1, "in use by another process", listen_peers="127.0.0.1:0", listen_grpc="127.0.0.1:0")
        first.send_signal(signal.SIGTERM)
        self.assertEqual(first.wait(timeout=60), 0, (self.root / "log").read_text())
        self.fails(1, "belongs to node 1", node=2, peers=f"2=127.0.0.1:{self.peers}/here/a")
        self.fails(1, "belongs to node 1", universe="other")
        self.assertEqual(json.loads((self.data / "node.json").read_text())["node"], 1)
        (self.root / "log").write_text("")
        again = self.start(bootstrap=None)
        again.send_signal(signal.SIGKILL)
        again.wait(timeout=60)
        (self.root / "log").write_text("")
        self.start(bootstrap=None)


if __name__ == "__main__":
    unittest.main()
