# SPDX-License-Identifier: Apache-2.0
"""What README.md says is what happens: runs the commands of its transcript and compares what they print.

Blanks at the ends of lines do not count: a text that must keep them does not live long.
"""

import os
import pathlib
import subprocess
import unittest

from universe import ROOT, clean_environment, program, scratch

MARK = "<!-- transcript -->"


def transcript():
    """[(command, expected output)] of the first code block after the mark."""
    text = (ROOT / "README.md").read_text()
    block = text.split(MARK, 1)[1].split("```", 2)[1].lstrip("\n")
    steps = []
    for line in block.splitlines(keepends=True):
        if line.startswith("$ "):
            steps.append((line[2:].strip(), []))
        else:
            steps[-1][1].append(line)
    return [(command, "".join(output)) for command, output in steps]


def trimmed(text):
    return [line.rstrip() for line in text.splitlines()]


class ReadmeTest(unittest.TestCase):
    def test_transcript(self):
        steps = transcript()
        self.assertTrue(steps)
        folder = pathlib.Path(scratch())
        (folder / "bin").mkdir()
        (folder / "bin/isochron").symlink_to(program())
        for command, expected in steps:
            with self.subTest(command=command):
                done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True,
                                      timeout=150, check=False, stdin=subprocess.DEVNULL,
                                      env={**clean_environment(), "TMPDIR": str(folder)})
                self.assertEqual(trimmed(done.stdout), trimmed(expected), done.stderr)
                self.assertEqual(done.returncode, 0)
        self.assertEqual([p for p in os.listdir(folder) if p != "bin"], [], "the demo left files behind")


if __name__ == "__main__":
    unittest.main(verbosity=2)
