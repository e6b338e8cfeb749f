# SPDX-License-Identifier: Apache-2.0
"""Real processes under all faults, for ten minutes (ISOCHRON_TEST_MINUTES: for longer)."""

import os
import sys
import time
import unittest

import run_faults
from faults import FAULTS
from namespace import enter_namespace


class LongTest(unittest.TestCase):
    def test_nothing_wrong_was_found(self):
        seed = int(os.environ.get("ISOCHRON_TEST_SEED", str(time.time_ns() // 1_000_000_000)))
        minutes = os.environ.get("ISOCHRON_TEST_MINUTES", "10")
        report = run_faults.run(run_faults.parse(["--minutes", minutes, "--seed", str(seed)]))
        run_faults.print_report(report)
        self.assertEqual(report["findings"], [])
        self.assertEqual(set(report["faults"]), set(FAULTS))


if __name__ == "__main__":
    reason = enter_namespace()
    if reason:
        print(f"ISOCHRON_SKIPPED: {reason}")
        sys.exit(0)
    unittest.main(verbosity=2)
