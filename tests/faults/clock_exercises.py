# SPDX-License-Identifier: Apache-2.0
"""Five exercises with clocks that fail, on real nodes; docs/internals/clock_faults.md tells what each shows.

    python3 tests/faults/clock_exercises.py source-lost | step | drift | liar | pause
"""

import os
import pathlib
import re
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from namespace import enter_namespace
from nodes import FaultUniverse, complain
from universe import LEASE_S, SYSTEM_GROUP, SqlError, await_state

# Reference id, name, stratum, reference time, offsets and frequencies, root delay, root dispersion, interval, leap.
TRACKING = "7F7F0101,refclock,1,1700000000.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0002,0.0010,1.0,{leap}"
NO_BOUND = "this node's clock has no bound"


def say(*words):
    print(*words, flush=True)


class Exercise(FaultUniverse):
    """Five nodes and a table in five groups, led everywhere, so that all nodes hear from each other."""

    def __enter__(self):
        super().__enter__()
        first = self.nodes[0]
        first.sql("CREATE TABLE t (k bigint PRIMARY KEY, v bigint)")
        first.sql("INSERT INTO t VALUES " + ", ".join(f"({k}, 0)" for k in range(50)))
        for key in (10, 20, 30, 40):
            first.sql(f"SELECT isochron.split('t', {key})")
        # Later ones ask for the spread themselves; this is how long the balancer takes.
        self.spread()
        return self

    def spread(self):
        groups = sorted(g for g in self.leaders(self.nodes[0]) if g != SYSTEM_GROUP)
        for i, group in enumerate(groups):
            number = i % self.count + 1
            await_state(f"node {number} leads group {group}", 60, lambda g=group, n=number: self.led_by(g, n), 0.3)

    def led_by(self, group, number):
        via = self.nodes[0]
        if self.leaders(via).get(group) == number:
            return True
        via.sql(f"SELECT isochron.transfer({group}, {number})", 10)
        return False

    def clock(self, node, via=None):
        """State and uncertainty in microseconds, as another node tells them."""
        via = via or next(n for n in self.nodes if n is not node)
        [[state, uncertainty]] = via.rows(
            f"SELECT state, uncertainty_us FROM isochron.clocks WHERE node = {node.number}", 10)
        return state, int(uncertainty) if uncertainty else None

    def await_clock(self, node, words, seconds=20):
        state, _ = await_state(f"the clock of node {node.number}: {words}", seconds,
                               lambda: (lambda c: c if words in c[0] else None)(self.clock(node)), 0.1)
        return state

    def await_led_elsewhere(self, node):
        via = next(n for n in self.nodes if n is not node)
        await_state("others lead", 40,
                    lambda: all(l and l != node.number for l in self.leaders(via).values()), 0.2)

    def all_rows_written(self, via):
        """Every group takes a write."""
        await_state("every group takes writes", 40, lambda: via.sql("UPDATE t SET v = v + 1", 20))


class WithChrony(Exercise):
    """Each node asks a chrony of its own: a script that says what a file holds, or fails."""

    def __init__(self):
        super().__init__(clock="chrony")
        self.reports = pathlib.Path(self.root, "chrony")
        tools = pathlib.Path(self.root, "tools")
        tools.mkdir()
        self.reports.mkdir()
        script = tools / "chronyc"
        script.write_text(f'#!/bin/sh\nexec cat "{self.reports}/$ISOCHRON_FAULT_NODE"\n', encoding="utf-8")
        script.chmod(0o755)
        self.tools = str(tools)
        for number in range(1, self.count + 1):
            self.chrony_says(number, "Normal")

    def chrony_says(self, number, leap):
        path = self.reports / str(number)
        path.with_suffix(".new").write_text(TRACKING.format(leap=leap) + "\n", encoding="utf-8")
        path.with_suffix(".new").rename(path)

    def environment(self, number):
        return {"ISOCHRON_FAULT_NODE": str(number), "PATH": f"{self.tools}:{os.environ['PATH']}"}


def source_lost():
    with WithChrony() as universe:
        node, other = universe.nodes[1], universe.nodes[0]
        say("node 2's clock:", universe.await_clock(node, "ok"))
        universe.chrony_says(2, "Not synchronised")
        say("chrony on node 2 says that it is not synchronised")
        say("node 2's clock:", universe.await_clock(node, NO_BOUND))
        universe.await_led_elsewhere(node)
        universe.all_rows_written(other)
        say("the others lead, and every group takes writes")
        try:
            node.value("SELECT count(*) FROM t", 10)
        except SqlError as error:
            say("a read through node 2:", "refused" if "bound" in error.text else error.text)
        universe.chrony_says(2, "Normal")
        universe.await_clock(node, "ok")
        universe.await_all_serve()
        say("chrony is synchronised again: node 2's clock is ok, and it serves")


def step():
    with Exercise() as universe:
        node, other = universe.nodes[1], universe.nodes[0]
        node.shim.set(real_offset_us=-3_600_000_000)
        say("somebody sets node 2's clock an hour back")
        say("node 2's clock:", universe.await_clock(node, NO_BOUND))
        universe.await_led_elsewhere(node)
        universe.all_rows_written(other)
        say("the others lead, and every group takes writes")
        node.shim.heal()
        time.sleep(1)
        say("the clock is set right:", universe.clock(node)[0][:len(NO_BOUND)])
        node.kill()
        node.restart()
        node.await_serves()
        say("after a restart node 2's clock:", universe.await_clock(node, "ok"))


def drift():
    with WithChrony() as universe:
        node = universe.nodes[1]
        universe.await_clock(node, "ok")
        _, fresh = universe.clock(node)
        say("chrony answers each second: uncertainty", "below 2 ms" if fresh < 2000 else f"{fresh} us")
        (universe.reports / "2").unlink()
        node.shim.drift(150)
        say("chrony is gone, and the clock runs 150 us a second fast")
        wanted = fresh + 1000
        began = time.monotonic()
        await_state("the bound grows", 20, lambda: (universe.clock(node)[1] or 0) >= wanted, 0.1)
        took = time.monotonic() - began
        say("the bound grows by 200 us a second:", "1 ms wider within 10 s" if took < 10 else f"in {took:.1f} s")
        universe.all_rows_written(node)
        say("every group takes writes through node 2")
        state = universe.await_clock(node, NO_BOUND, 40)
        say("node 2's clock:", re.sub(r"is 3\d\d\d\d ms old.*", "is older than 30 s", state))
        universe.await_led_elsewhere(node)
        universe.all_rows_written(universe.nodes[0])
        say("the others lead, and every group takes writes")


def liar():
    with Exercise() as universe:
        node, other = universe.nodes[1], universe.nodes[0]
        node.shim.set(both_offset_us=500_000)
        say("node 2's clock is half a second ahead, and says that it is right within 5 ms")
        universe.await_led_elsewhere(node)
        universe.all_rows_written(other)
        say("the others believe no message of it: they lead, and every group takes writes")
        node.shim.set(both_offset_us=-500_000)
        say("now it is half a second behind")
        state = universe.await_clock(node, "contradict")
        state = re.sub(r"clocks of [34] of 4 peers", "clocks of most peers", state)
        say("node 2's clock:", re.sub(r" \(node .*\)", "", state))
        try:
            node.value("SELECT count(*) FROM t", 10)
        except SqlError as error:
            say("a read through node 2:", "refused" if "contradict" in error.text else error.text)
        universe.all_rows_written(other)
        say("node 1's clock:", universe.clock(other, other)[0])
        node.shim.heal()
        node.kill()
        node.restart()
        node.await_serves()
        say("set right and restarted, node 2's clock:", universe.await_clock(node, "ok"))


def pause():
    with Exercise() as universe:
        node, other = universe.nodes[1], universe.nodes[0]
        written = int(other.value("SELECT v FROM t WHERE k = 0"))
        node.signal(19)
        say("node 2 stands still, as a machine that is moved or suspended")
        began = time.monotonic()
        universe.await_led_elsewhere(node)
        universe.all_rows_written(other)
        say("the others lead once its leases are over:",
            "within 10 s" if time.monotonic() - began < LEASE_S + 7 else "late")
        node.signal(18)
        # Whatever it is asked first, it must not answer from the past.
        seen = int(await_state("node 2 answers", 20, lambda: node.value("SELECT v FROM t WHERE k = 0", 10), 0))
        say("node 2 wakes up, and its first read sees", "what was written meanwhile" if seen > written else "the past")
        say("node 2's clock:", universe.await_clock(node, "ok"))


EXERCISES = {"source-lost": source_lost, "step": step, "drift": drift, "liar": liar, "pause": pause}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in EXERCISES:
        complain(f"usage: clock_exercises.py {' | '.join(EXERCISES)}")
        return 2
    reason = enter_namespace()
    if reason:
        complain(f"cannot start the nodes here: {reason}")
        return 2
    EXERCISES[sys.argv[1]]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
