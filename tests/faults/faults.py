# SPDX-License-Identifier: Apache-2.0
"""The faults: each breaks something of a universe, holds for a while, and puts it right again.

A fault is a function of (universe, rng, hold): it applies, calls hold(seconds) while it lasts, and heals. What it
did is returned in words. Faults follow one another; at any time no more than a minority of the nodes is hurt,
except where a fault says otherwise (ring, clog, restart_all).
"""

import glob
import os
import pathlib

from universe import SqlError, await_state

FAULTS = {}


def fault(function):
    FAULTS[function.__name__] = function
    return function


def minority(universe, rng):
    return rng.sample(universe.nodes, rng.choice([1, 2]))


def names(nodes):
    return "node " + " and ".join(str(n.number) for n in nodes)


@fault
def kill(universe, rng, hold):
    """kill -9, then a start on the same folder."""
    nodes = minority(universe, rng)
    for node in nodes:
        node.kill()
    hold(rng.uniform(1, 6))
    for node in nodes:
        node.restart()
    return f"{names(nodes)} killed"


@fault
def kill_leader(universe, rng, hold):
    """kill -9 of the node that leads most."""
    leaders = [leader for leader in universe.leaders(universe.via()).values() if leader]
    node = universe.node(max(set(leaders), key=leaders.count))
    node.kill()
    hold(rng.uniform(2, 5))
    node.restart()
    return f"{names([node])}, which led {leaders.count(node.number)} groups, killed"


@fault
def pause(universe, rng, hold):
    """SIGSTOP, often for longer than a lease."""
    nodes = minority(universe, rng)
    for node in nodes:
        node.signal(19)
    seconds = rng.uniform(0.3, 6)
    hold(seconds)
    for node in nodes:
        node.signal(18)
    return f"{names(nodes)} stopped for {seconds:.1f} s"


@fault
def partition(universe, rng, hold):
    """A minority and the others do not reach each other; clients reach both."""
    nodes = minority(universe, rng)
    some = {n.number for n in nodes}
    universe.network.cut_between(some, set(universe.network.numbers) - some)
    hold(rng.uniform(2, 6))
    universe.network.heal()
    return f"{names(nodes)} apart from the others"


@fault
def one_way(universe, rng, hold):
    """What one node sends, or what is sent to it, is lost."""
    [node] = rng.sample(universe.nodes, 1)
    outgoing = rng.random() < 0.5
    for other in universe.nodes:
        if other is not node:
            universe.network.cut(*((node.number, other.number) if outgoing else (other.number, node.number)))
    hold(rng.uniform(2, 6))
    universe.network.heal()
    return f"{'from' if outgoing else 'to'} node {node.number} nothing arrives"


@fault
def ring(universe, rng, hold):
    """Each node reaches only its two neighbours."""
    order = [n.number for n in universe.nodes]
    rng.shuffle(order)
    for i, number in enumerate(order):
        for apart in range(2, len(order) - 1):
            universe.network.cut(number, order[(i + apart) % len(order)])
    hold(rng.uniform(3, 6))
    universe.network.heal()
    return f"a ring of {order}"


@fault
def unplug(universe, rng, hold):
    """Nodes that nobody reaches, clients neither."""
    nodes = minority(universe, rng)
    for node in nodes:
        universe.network.unplug(node.number)
    hold(rng.uniform(2, 6))
    universe.network.heal()
    return f"{names(nodes)} unplugged"


@fault
def clog(universe, rng, hold):
    """Little gets through to two nodes, and the rest is lost."""
    nodes = rng.sample(universe.nodes, 2)
    kbit = rng.choice([64, 256, 1024])
    for node in nodes:
        universe.network.clog(node.number, kbit)
    hold(rng.uniform(2, 6))
    universe.network.heal()
    return f"{kbit} kbit/s to {names(nodes)}"


@fault
def slow_sync(universe, rng, hold):
    """Each sync of some nodes takes long."""
    nodes = minority(universe, rng)
    delay_us = rng.choice([20_000, 200_000, 1_500_000])
    for node in nodes:
        node.shim.set(sync_delay_us=delay_us)
    hold(rng.uniform(2, 6))
    for node in nodes:
        node.shim.set(sync_delay_us=0)
    return f"syncs of {names(nodes)} take {delay_us // 1000} ms longer"


@fault
def full_disk(universe, rng, hold):
    """The last node's disk has nothing left."""
    node = universe.nodes[-1]
    ballast = pathlib.Path(node.data, "ballast")
    fill(ballast)
    hold(rng.uniform(3, 6))
    ballast.unlink()
    if not node.alive():  # a write that fails ends a node: a retry could lie
        node.process.wait(1)
        node.restart()
        return f"{names([node])} had no room, and ended"
    return f"{names([node])} had no room"


def fill(path):
    """Takes what there is. The node takes some meanwhile, so ever smaller pieces are tried."""
    piece = 1 << 26
    with open(path, "wb") as file:
        while piece >= 4096:
            try:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, piece)
            except OSError:
                piece //= 2


@fault
def corrupt(universe, rng, hold):
    """Flipped bits in the log or the store of a node that is down; what it cannot use is replaced."""
    [node] = rng.sample(universe.nodes, 1)
    node.kill()
    kind = rng.choice(["log", "store"])
    pattern = {"log": "log/**/*.log", "store": "store/**/*.sst"}[kind]
    files = [f for f in glob.glob(os.path.join(node.data, pattern), recursive=True) if os.path.getsize(f) > 64]
    flipped = []
    for path in rng.sample(sorted(files), min(2, len(files))):
        flip(path, rng)
        flipped.append(os.path.basename(path))
    if kind == "store":
        pathlib.Path(node.data, "CHECK").touch()
    hold(1)
    node.restart()
    try:
        await_state(f"node {node.number} serves or ended", 30, lambda: not node.alive() or node.serves(), 0.2)
    except (AssertionError, SqlError):
        pass
    hold(2)
    hurt = "refused to start" if not node.alive() else "had damaged replicas" if damaged(universe, node) else ""
    if hurt:
        universe.replace(node)
    return f"{kind} of {names([node])}: {', '.join(flipped) or 'nothing to flip'}; it {hurt or 'went on'}"


def flip(path, rng):
    """One bit, in the part that was written."""
    content = pathlib.Path(path).read_bytes().rstrip(b"\0")
    if not content:
        return
    offset = rng.randrange(len(content))
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(bytes([content[offset] ^ (1 << rng.randrange(8))]))


def damaged(universe, node):
    via = universe.via()
    return any(r.get(node.number) == "damaged" for r in universe.replicas(via).values())


@fault
def clock_skew(universe, rng, hold):
    """Clocks apart from each other, but within what each says of itself."""
    bound_us = 5000
    offsets = {n: rng.randint(-bound_us * 8 // 10, bound_us * 8 // 10) for n in universe.nodes}
    for node, offset in offsets.items():
        node.shim.set(both_offset_us=offset)
    hold(rng.uniform(2, 6))
    for node in universe.nodes:
        node.shim.heal()
    return "clocks off by " + ", ".join(f"{o / 1000:.1f}" for o in offsets.values()) + " ms"


@fault
def clock_step(universe, rng, hold):
    """Somebody sets a clock far beyond its bound: the node must stop trusting it."""
    nodes = minority(universe, rng)
    step_us = rng.choice([-1, 1]) * rng.choice([20_000, 1_000_000, 3_600_000_000])
    for node in nodes:
        node.shim.set(real_offset_us=step_us)
    hold(rng.uniform(2, 6))
    for node in nodes:
        node.shim.heal()
        node.kill()
        node.restart()
    return f"clock of {names(nodes)} set by {step_us / 1000:.0f} ms"


@fault
def restart(universe, rng, hold):
    """SIGTERM, then a start."""
    [node] = rng.sample(universe.nodes, 1)
    node.stop()
    hold(rng.uniform(0, 2))
    node.restart()
    return f"{names([node])} restarted"


@fault
def restart_all(universe, rng, hold):
    """All are killed at once, and start in any order, some later than others."""
    for node in universe.nodes:
        node.signal(9)
    for node in universe.nodes:
        node.wait(10)
    order = rng.sample(universe.nodes, len(universe.nodes))
    for node in order:
        hold(rng.uniform(0, 0.7))
        node.restart()
    return f"all killed; started in the order {[n.number for n in order]}"


@fault
def rolling(universe, rng, hold):
    """One node after the other onto another copy of the program."""
    for node in rng.sample(universe.nodes, len(universe.nodes)):
        node.program = universe.other_program(node)
        node.stop()
        node.restart()
        node.await_serves()
        hold(0.3)
    return "all onto the other program, one by one"
