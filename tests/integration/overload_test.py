# SPDX-License-Identifier: Apache-2.0
"""Ten times the load that a universe carries: goodput stays, no lease is lost, memory is bounded."""

import json
import unittest

from universe import Universe, run

PEAK_CLIENTS, OVERLOAD_CLIENTS, SECONDS = 64, 640, 8
# 0.7 is the aim (docs/operating/overload.md has measured tables); a busy machine may measure less in so short a time.
LEAST_GOODPUT = 0.55
MAX_RESIDENT_BYTES = 512 << 20


class OverloadTest(unittest.TestCase):
    def bench(self, universe, clients, *flags):
        targets = ",".join(n.grpc for n in universe.nodes)
        done = run("bench", "kv", "--target", targets, "--json", "--clients", clients, "--seconds", SECONDS, *flags,
                   timeout=SECONDS + 120)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    @staticmethod
    def elections(universe):
        """That nobody asked for: a lease that is lost ends in one."""
        return universe.counters("paxos.elections_won") - universe.counters("group.transfer")

    def test_ten_times_the_load(self):
        with Universe() as universe:
            self.bench(universe, PEAK_CLIENTS)  # the table, its groups and leaders
            peak = self.bench(universe, PEAK_CLIENTS)
            elections = self.elections(universe)
            over = self.bench(universe, OVERLOAD_CLIENTS)
            elections = self.elections(universe) - elections
            resident = {n.number: n.resident_bytes() for n in universe.nodes}
            print(f"{PEAK_CLIENTS} clients: {peak['ops_s']}/s, p99 {peak['p99_ms']} ms; {OVERLOAD_CLIENTS} clients:"
                  f" {over['ops_s']}/s, p99 {over['p99_ms']} ms, {over['errors']} refused or failed;"
                  f" elections {elections}; resident MiB: { {n: r >> 20 for n, r in resident.items()} }", flush=True)
            self.assertEqual(elections, 0)
            self.assertGreaterEqual(over["ops_s"], LEAST_GOODPUT * peak["ops_s"])
            self.assertLess(max(resident.values()), MAX_RESIDENT_BYTES)


if __name__ == "__main__":
    unittest.main(verbosity=2)
