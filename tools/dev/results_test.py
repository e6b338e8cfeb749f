#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The count of ./dev test: nothing that failed, crashed, skipped silently or never ran passes for passed."""

import json
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import results
import test as stages

GOOGLE = (
    '<testsuites timestamp="2026-01-01"><testsuite name="A">'
    '<testcase name="Good" status="run" result="completed" classname="A"/>'
    '<testcase name="Bad" status="run" result="completed" classname="A"><failure message="x"/></testcase>'
    '<testcase name="Skip" status="run" result="skipped" classname="A"><skipped message="a.cc:5&#10;no moon"/></testcase>'
    '<testcase name="Mute" status="run" result="skipped" classname="A"><skipped message="a.cc:6&#10;"/></testcase>'
    '<testcase name="Off" status="notrun" classname="A"/>'
    "</testsuite></testsuites>"
)
GOOD_CASE = '<testsuites timestamp="t"><testcase name="G" status="run" result="completed" classname="A"/></testsuites>'
BAZEL = '<testsuites><testsuite name="x"><testcase name="x" status="run"/></testsuite></testsuites>'


class Stages(unittest.TestCase):
    def test_a_stage_without_a_test_is_a_failure(self):
        self.assertEqual(len(stages.not_empty("sim", results.Tally()).failures), 1)
        ran = results.Tally()
        ran.passed = 1
        self.assertEqual(stages.not_empty("sim", ran).failures, [])


class Count(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.events = []

    def tearDown(self):
        self.folder.cleanup()

    def target(self, label, status=None, xml=None, log="", built=True):
        """A test target; status None: it never ran."""
        self.events.append({"id": {"targetConfigured": {"label": label}}, "configured": {"testSize": "SMALL"}})
        completed = {"success": True} if built else {}
        self.events.append({"id": {"targetCompleted": {"label": label}}, "completed": completed})
        if status is None:
            return
        outputs = []
        for name, text in (("test.log", log), ("test.xml", xml)):
            if text is not None:
                path = pathlib.Path(self.folder.name, f"{len(self.events)} {name}")
                path.write_text(text)
                outputs.append({"name": name, "uri": path.as_uri()})
        self.events.append({"id": {"testResult": {"label": label, "run": 1, "shard": 1}},
                            "testResult": {"status": status, "testActionOutput": outputs}})

    def tally(self):
        path = pathlib.Path(self.folder.name, "events.json")
        path.write_text("\n".join(json.dumps(e) for e in self.events))
        return results.from_events(path)

    def test_google_test_counts_case_by_case(self):
        self.target("//a:t", "FAILED", GOOGLE)
        tally = self.tally()
        self.assertEqual(tally.line(), "1 passed, 2 failed, 1 skipped")
        self.assertEqual(tally.skips, [("//a:t A.Skip", "no moon")])
        self.assertIn("without a reason", tally.failures[1][0])

    def test_a_crash_after_good_cases_is_a_failure(self):
        self.target("//a:t", "FAILED", GOOD_CASE)
        self.assertEqual(self.tally().line(), "1 passed, 1 failed, 0 skipped")

    def test_scripts_count_once(self):
        self.target("//a:good", "PASSED", BAZEL, "fine")
        self.target("//a:bad", "FAILED", BAZEL, "sad")
        self.target("//a:skip", "PASSED", BAZEL, "x\nISOCHRON_SKIPPED: no chronyd\n")
        self.target("//a:mute", "PASSED", BAZEL, "ISOCHRON_SKIPPED:\nmore\n")
        self.target("//a:both", "FAILED", BAZEL, "ISOCHRON_SKIPPED: no chronyd\n")
        self.target("//a:timeout", "TIMEOUT", None, "")
        self.assertEqual(self.tally().line(), "1 passed, 4 failed, 1 skipped")

    def test_what_does_not_build_or_run_is_a_failure(self):
        self.target("//a:unbuilt", built=False)
        self.target("//a:idle")
        self.assertEqual([f[0] for f in self.tally().failures], ["//a:idle (did not run)", "//a:unbuilt (does not build)"])

    def test_no_tests(self):
        self.assertEqual(self.tally().line(), "0 passed, 0 failed, 0 skipped")
        self.assertEqual(results.from_events("/nonexistent").line(), "0 passed, 0 failed, 0 skipped")


if __name__ == "__main__":
    unittest.main()
