# SPDX-License-Identifier: Apache-2.0
"""The shell at a terminal: one session that lives on, typed at line by line."""

import os
import pty
import re
import select
import signal
import subprocess
import time

from universe import clean_environment, program

PROMPT = r"isochron> "


class Terminal:
    def __init__(self, target):
        self.master, slave = pty.openpty()
        environment = {**clean_environment(), "TERM": "dumb", "HOME": os.environ.get("TEST_TMPDIR", "/nonexistent")}
        self.process = subprocess.Popen([program(), "sql", "--target", target], stdin=slave, stdout=slave,
                                        stderr=slave, start_new_session=True, env=environment)
        os.close(slave)
        self.seen = ""
        self.read_until(PROMPT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.master)

    def type(self, line):
        os.write(self.master, (line + "\n").encode())

    def read_until(self, pattern, seconds=30):
        """What came up to the end of the pattern's first match; the rest is kept for the next time."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.seen)
            if found:
                text, self.seen = self.seen[: found.end()], self.seen[found.end():]
                return text
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise AssertionError(f"{pattern!r} did not come within {seconds} s; what came: {self.seen!r}")
            try:
                self.seen += os.read(self.master, 65536).decode(errors="replace")
            except OSError:
                raise AssertionError(f"the shell ended; what came: {self.seen!r}") from None

    def run(self, statement, seconds=30):
        """Types a statement and returns all that came until the next prompt, echo included."""
        self.type(statement)
        return self.read_until(r"\n" + PROMPT, seconds)
