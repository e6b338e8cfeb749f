# SPDX-License-Identifier: Apache-2.0
"""One node, of a universe of its own, with the flags that a test gives it."""

import os
import pathlib
import re
import socket
import subprocess
import tempfile
import time
import unittest

from universe import clean_environment, program


def outer_address():
    """This machine's address in its network, or None. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
        except OSError:
            return None
        host = s.getsockname()[0]
        return None if host.startswith("127.") else host


class LoneNodeTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR")))

    def node(self, *flags):
        """The port of a node of its own that lets everybody knock."""
        log = self.root / "log"
        with socket.create_server(("127.0.0.1", 0)) as held:
            peers = f"127.0.0.1:{held.getsockname()[1]}"
        with open(log, "w") as out:
            process = subprocess.Popen(
                [program(), "start", "--data", self.root / "data", "--node=1", f"--peers=1={peers}/here/a",
                 f"--listen-peers={peers}", "--listen-grpc=127.0.0.1:0", "--listen-pg=0.0.0.0:0",
                 "--clock=fixed:1ms", "--bootstrap", *flags], stdout=out, stderr=out, env=clean_environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        end = time.monotonic() + 60
        while not (found := re.search(r"ready: .*PostgreSQL on [^ ]*:(\d+)", log.read_text())):
            self.assertIsNone(process.poll(), log.read_text())
            self.assertLess(time.monotonic(), end, log.read_text())
            time.sleep(0.02)
        return int(found.group(1))
