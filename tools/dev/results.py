# SPDX-License-Identifier: Apache-2.0
"""Counts tests from what really ran: Bazel's event file and the XML each test wrote.

A GoogleTest binary counts case by case. Any other test counts once; it skips by printing a line
`ISOCHRON_SKIPPED: reason` and exiting 0. A skip without a reason is a failure.
"""

import dataclasses
import json
import pathlib
import re
import urllib.parse
import xml.etree.ElementTree as xml

_SKIPPED = re.compile(r"^ISOCHRON_SKIPPED:[ \t]*(.*)$", re.MULTILINE)


@dataclasses.dataclass
class Tally:
    """Passed is a number; what failed or skipped is named, with a log to look at or a reason."""

    passed: int = 0
    failures: list = dataclasses.field(default_factory=list)  # (name, path of a log or None)
    skips: list = dataclasses.field(default_factory=list)  # (name, reason)

    def skip(self, name, reason):
        reason = (reason or "").strip().splitlines()
        if reason and reason[0].strip():
            self.skips.append((name, reason[0].strip()))
        else:
            self.failures.append((f"{name} (skipped without a reason)", None))

    def line(self):
        return f"{self.passed} passed, {len(self.failures)} failed, {len(self.skips)} skipped"


def from_events(path):
    """The tally of one `bazel test`, from its --build_event_json_file."""
    tests, built, ran, tally = set(), {}, set(), Tally()
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return tally
    for line in filter(None, text.splitlines()):
        event = json.loads(line)
        identity = event["id"]
        if "targetConfigured" in identity and event.get("configured", {}).get("testSize"):
            tests.add(identity["targetConfigured"]["label"])
        elif "targetCompleted" in identity:
            label = identity["targetCompleted"]["label"]
            built[label] = event.get("completed", {}).get("success", False)
        elif "testResult" in identity and "testResult" in event:
            ran.add(identity["testResult"]["label"])
            _add_result(tally, identity["testResult"], event["testResult"])
    for label in sorted(set(built) | tests):
        if label in built and not built[label]:
            tally.failures.append((f"{label} (does not build)", None))
        elif label in tests and label in built and label not in ran:
            tally.failures.append((f"{label} (did not run)", None))
    return tally


def _add_result(tally, identity, result):
    files = {o["name"]: _path(o["uri"]) for o in result.get("testActionOutput", []) if o.get("uri")}
    label, log = identity["label"], files.get("test.log")
    if identity.get("shard", 1) > 1 or identity.get("run", 1) > 1:
        label += f" (run {identity.get('run', 1)}, shard {identity.get('shard', 1)})"
    good = result.get("status") == "PASSED"
    cases = _google_test_cases(files.get("test.xml"))
    failed_before = len(tally.failures)
    if cases:
        for name, state, reason in cases:
            if state == "skipped":
                tally.skip(f"{label} {name}", reason)
            elif state == "failed":
                tally.failures.append((f"{label} {name}", log))
            else:
                tally.passed += 1
        if not good and len(tally.failures) == failed_before:
            tally.failures.append((f"{label} ({result.get('status', 'no status')})", log))
        return
    if not good:
        tally.failures.append((f"{label} ({result.get('status', 'no status')})", log))
        return
    skipped = _SKIPPED.search(log.read_text(errors="replace")) if log and log.exists() else None
    if skipped:
        tally.skip(label, skipped.group(1))
    else:
        tally.passed += 1


def _google_test_cases(path):
    """[(name, passed | failed | skipped, reason)] or None when it is not GoogleTest's XML."""
    if path is None or not path.exists():
        return None
    try:
        root = xml.parse(path).getroot()
    except xml.ParseError:
        return None
    # Bazel's own stand-in for tests that write no XML knows neither results nor timestamps of cases.
    if root.get("timestamp") is None:
        return None
    cases = []
    for case in root.iter("testcase"):
        if case.get("status") == "notrun":
            continue
        name = f"{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            cases.append((name, "failed", ""))
        elif skipped is not None:
            cases.append((name, "skipped", _reason(skipped)))
        else:
            cases.append((name, "passed", ""))
    return cases


def _reason(skipped):
    # GoogleTest 1.12 writes "file:line\nreason".
    lines = (skipped.get("message") or skipped.text or "").strip().splitlines()
    if lines and re.match(r"\S+:\d+$", lines[0]):
        lines = lines[1:]
    return " ".join(line.strip() for line in lines)


def _path(uri):
    return pathlib.Path(urllib.parse.unquote(urllib.parse.urlparse(uri).path))
