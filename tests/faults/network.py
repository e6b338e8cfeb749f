# SPDX-License-Identifier: Apache-2.0
"""A network of our own to break: each node in a network namespace with an address of its own, a router between them.

The router is the namespace that the runner entered (namespace.py); clients run there. What is cut is dropped at
the router without an answer, as a broken switch does it. Each direction of each pair is cut by itself.
"""

import subprocess


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True, capture_output=True, text=True)


class Network:
    """Use as a context: the namespaces end with it."""

    def __init__(self, numbers):
        self.numbers = list(numbers)
        self.holders = {}
        self.cuts = set()
        self.down = set()
        self.clogged = set()

    def __enter__(self):
        with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as file:
            file.write("1")
        for number in self.numbers:
            self._add(number)
        return self

    def __exit__(self, *_):
        for number, holder in self.holders.items():
            # The kernel takes its time with a namespace; the name must be free at once.
            subprocess.run(["ip", "link", "del", f"v{number}"], capture_output=True, check=False)
            holder.stdout.close()
            holder.kill()
            holder.wait()

    def _add(self, number):
        holder = subprocess.Popen(["unshare", "-n", "--kill-child", "sh", "-c", "echo made; exec sleep infinity"],
                                  stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.holders[number] = holder
        assert holder.stdout.readline() == b"made\n"
        ip("link", "add", f"v{number}", "type", "veth", "peer", "name", "e0", "netns", holder.pid)
        ip("addr", "add", f"10.83.{number}.1/24", "dev", f"v{number}")
        ip("link", "set", f"v{number}", "up")
        for words in ("link set lo up", f"addr add {self.address(number)}/24 dev e0", "link set e0 up",
                      f"route add default via 10.83.{number}.1"):
            subprocess.run([*self.enter(number), "ip", *words.split()], check=True)

    def address(self, number):
        return f"10.83.{number}.2"

    def enter(self, number):
        """The words before a command that run it at the node."""
        return ["nsenter", "-n", "-t", str(self.holders[number].pid), "--"]

    def cut(self, source, target):
        """Nothing that source sends reaches target."""
        if (source, target) not in self.cuts:
            self.cuts.add((source, target))
            ip("rule", "add", "from", self.address(source), "to", self.address(target), "blackhole")

    def cut_between(self, some, others):
        for a in some:
            for b in others:
                self.cut(a, b)
                self.cut(b, a)

    def unplug(self, number):
        """Neither nodes nor clients reach it."""
        self.down.add(number)
        ip("link", "set", f"v{number}", "down")

    def clog(self, number, kbit):
        """What reaches the node comes slowly; what does not fit the queue is lost."""
        self.clogged.add(number)
        subprocess.run(["tc", "qdisc", "replace", "dev", f"v{number}", "root", "tbf", "rate", f"{kbit}kbit",
                        "burst", "16k", "latency", "300ms"], check=True, capture_output=True)

    def heal(self):
        for source, target in self.cuts:
            ip("rule", "del", "from", self.address(source), "to", self.address(target), "blackhole")
        for number in self.down:
            ip("link", "set", f"v{number}", "up")
        for number in self.clogged:
            subprocess.run(["tc", "qdisc", "del", "dev", f"v{number}", "root"], check=True, capture_output=True)
        self.cuts, self.down, self.clogged = set(), set(), set()
