# SPDX-License-Identifier: Apache-2.0
"""docs/internals/clock_faults.md says what the exercises print: each is run, and compared with the page."""

import re
import subprocess
import sys
import unittest

import universe as processes
from clock_exercises import EXERCISES
from namespace import enter_namespace

PAGE = processes.ROOT / "docs/internals/clock_faults.md"
COMMAND = "$ python3 tests/faults/clock_exercises.py "


def promised():
    """Exercise -> the lines that the page shows."""
    blocks = re.findall(r"^```\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [block.splitlines() for block in blocks if block.startswith(COMMAND)]
    return {block[0][len(COMMAND):]: block[1:] for block in lines}


class ClockFaultsTest(unittest.TestCase):
    def test_the_page_has_all(self):
        self.assertEqual(set(promised()), set(EXERCISES))

    def test_exercises(self):
        for name, lines in promised().items():
            with self.subTest(name):
                done = subprocess.run([sys.executable, sys.modules["clock_exercises"].__file__, name],
                                      capture_output=True, text=True, timeout=240, check=False)
                self.assertEqual(done.stdout.splitlines(), lines, done.stderr[-3000:])
                self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    reason = enter_namespace()
    if reason:
        print(f"ISOCHRON_SKIPPED: {reason}")
        sys.exit(0)
    unittest.main(verbosity=2)
