# SPDX-License-Identifier: Apache-2.0
"""Damage to a stopped node's files: it is named by file and group, kept out, and nothing is lost.

The accounts lie in four groups. After each kind of damage the node either starts without the group that is
hurt, while everything goes on, and replaces its replica of it; or it refuses to start and says which file,
where, and what to do.
"""

import json
import pathlib
import unittest

from universe import Universe, await_state, run

ACCOUNTS = 32
TOTAL = ACCOUNTS * 1000
START_S = 120
MARKER = "a-value-to-be-found"


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


class Damage(unittest.TestCase):
    def setUp(self):
        self.universe = Universe().__enter__()
        self.addCleanup(self.universe.__exit__, None)
        node = self.universe.nodes[0]
        node.sql("CREATE TABLE accounts (id bigint PRIMARY KEY, balance bigint, note text)")
        values = ", ".join(f"({i}, 1000, 'x')" for i in range(ACCOUNTS))
        node.sql(f"INSERT INTO accounts VALUES {values}")
        for at in (8, 16, 24):
            node.sql(f"SELECT isochron.split('accounts', {at})")

    def stop(self, node):
        node.kill()
        return pathlib.Path(node.data)

    def verify(self, data, status):
        done = run("admin", "verify", "--json", "--data", data)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def total(self, node):
        return int(node.value("SELECT sum(balance) FROM accounts"))

    def damaged(self, via):
        return via.rows("SELECT group_id, node, damage FROM isochron.replicas WHERE kind = 'damaged'")

    def all_vote(self, via):
        kinds = {}
        for group, kind in via.rows("SELECT group_id, kind FROM isochron.replicas"):
            kinds.setdefault(group, []).append(kind)
        return all(k == ["voter"] * 3 for k in kinds.values()) and kinds

    def await_started(self, node):
        await_state(f"node {node.number} serves", START_S, lambda: self.total(node) == TOTAL)

    def await_repaired(self, victim, group):
        done = f"group {group}: this node has a whole replica again"
        await_state("the damaged replica to be replaced", 120,
                    lambda: done in pathlib.Path(victim.log_file()).read_text())
        self.check_repaired(victim)

    def check_repaired(self, victim):
        """The new replica counts: without it there is no quorum."""
        other, third = (n for n in self.universe.nodes if n is not victim)
        await_state("all damaged replicas to be replaced", 120, lambda: not self.damaged(other))
        # A newcomer has applied all while it still is a learner, who is no part of a quorum.
        await_state("three voters in every group", 120, lambda: self.all_vote(other))
        self.universe.await_caught_up()
        third.kill()
        await_state("a write without the third node", 30,
                    lambda: other.sql("UPDATE accounts SET note = 'after' WHERE balance = 1000"))
        self.assertEqual(self.total(victim), TOTAL)
        self.verify(self.stop(victim), 0)

    def refuses(self, node, *words):
        """The node does not start, and says why."""
        said = pathlib.Path(node.log_file()).stat().st_size
        node.restart()
        self.assertEqual(node.wait(30), 1)
        text = pathlib.Path(node.log_file()).read_text(errors="replace")[said:]
        for word in words:
            self.assertIn(word, text)
        self.assertIn("join with an empty one", text)

    def flip_in_log(self, victim, other):
        """Stops the victim and flips a bit of a row's entry in its log; the group that is hurt."""
        for _ in range(3):  # the last batch of all is another matter
            other.sql(f"UPDATE accounts SET note = '{MARKER}' WHERE id = 10")
        self.universe.await_caught_up()
        data = self.stop(victim)
        self.verify(data, 0)
        segment = next(s for s in sorted((data / "log").glob("*.log")) if MARKER.encode() in s.read_bytes())
        flip(segment, segment.read_bytes().index(MARKER.encode()))
        [finding] = [f for f in self.verify(data, 1) if f["kind"] == "finding"]
        [group] = finding["groups"]
        dump = run("admin", "dump-log", "--data", data, "--group", group)
        self.assertEqual(dump.returncode, 1)
        self.assertIn(f"log/{segment.name}: DAMAGE", dump.stdout)
        return group

    def test_a_flipped_bit_in_the_log_costs_one_replica(self):
        victim, other = self.universe.nodes[2], self.universe.nodes[0]
        group = self.flip_in_log(victim, other)
        victim.restart()
        self.await_started(victim)
        log = pathlib.Path(victim.log_file()).read_text()
        self.assertIn(f"replica of group {group} is damaged", log)
        self.assertIn("damage at offset", log)
        self.await_repaired(victim, group)

    def test_a_damaged_replica_is_replaced_by_command(self):
        victim, other = self.universe.nodes[2], self.universe.nodes[0]
        group = self.flip_in_log(victim, other)
        victim.command += ["--self-repair=false"]
        victim.restart()
        self.await_started(victim)
        # Everything goes on, through the damaged node as well, and it stays what it is.
        victim.sql("UPDATE accounts SET note = 'after' WHERE id = 10")
        victim.kill()
        victim.restart()
        self.await_started(victim)
        # Groups that were split off and never flushed here go with the one that is hurt.
        damaged = self.damaged(other)
        self.assertIn(group, [int(where) for where, _, _ in damaged])
        for _, node, why in damaged:
            self.assertEqual(int(node), victim.number)
            self.assertIn("damage at offset", why)
        done = run("admin", "repair", "--target", other.grpc, "--node", other.number)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no damaged replica", done.stderr)
        done = run("admin", "repair", "--target", other.grpc, "--node", victim.number, timeout=150)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(),
                         [f"group {where}: the replica of node {victim.number}, damaged, is replaced"
                          for where, _, _ in sorted(damaged, key=lambda d: int(d[0]))])
        self.check_repaired(victim)

    def test_a_missing_segment_stops_the_node(self):
        victim, other = self.universe.nodes[1], self.universe.nodes[0]
        data = self.stop(victim)
        victim.restart()
        self.await_started(victim)
        self.stop(victim)
        first, last = min((data / "log").glob("*.log")), max((data / "log").glob("*.log"))
        for path in (first, last, data / "log" / "HEAD"):
            kept = path.read_bytes()
            path.unlink()
            self.refuses(victim, f"log/{path.name} is missing")
            [finding] = [f for f in self.verify(data, 1) if f["kind"] == "finding"]
            self.assertIn(path.name, finding["message"])
            path.write_bytes(kept)
        self.assertEqual(self.total(other), TOTAL)
        victim.restart()
        self.await_started(victim)

    def test_a_torn_tail_is_dropped(self):
        victim = self.universe.nodes[1]
        data = self.stop(victim)
        segment = sorted((data / "log").glob("*.log"))[-1]
        bytes_ = segment.read_bytes()
        end = (len(bytes_.rstrip(b"\0")) + 511) // 512 * 512
        # The first block of a batch that never got whole.
        header = bytes_[512:556]
        with open(segment, "r+b") as file:
            file.seek(end)
            file.write(header[:20] + b"\0" * 492)
        victim.restart()
        self.await_started(victim)
        self.assertEqual(self.damaged(victim), [])

    def flip_in_store(self, data):
        """Flips a bit of a row in a file that the store uses: one that was killed may have others."""
        for file in sorted((data / "store").glob("*.sst")):
            offset = file.read_bytes().rfind(MARKER.encode()) + 5
            if offset < 5:
                continue
            flip(file, offset)
            done = run("admin", "verify", "--json", "--data", data)
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            findings = [f for f in lines if f["kind"] == "finding" and f["file"] == f"store/{file.name}"]
            if findings:
                self.assertEqual(done.returncode, 1)
                return file, findings
            flip(file, offset)
        self.fail("no file of the store holds the rows")

    def test_a_flipped_bit_in_the_store_costs_one_replica(self):
        victim, other = self.universe.nodes[2], self.universe.nodes[0]
        victim.kill()
        victim.command += ["--write-buffer-size", "1MiB"]  # so that rows get into files
        victim.restart()
        self.await_started(victim)
        for i in range(24):
            rows = ", ".join(f"({1000 + i * 4 + j}, 0, '{MARKER}{'z' * 25000}')" for j in range(4))
            other.sql(f"INSERT INTO accounts VALUES {rows}")
        self.universe.await_caught_up()
        data = self.stop(victim)
        file, findings = self.flip_in_store(data)
        [group] = {g for f in findings for g in f.get("groups", [])}

        # Whoever meets the damage asks for a look at the next start; here an operator does.
        (data / "CHECK").touch()
        victim.restart()
        self.await_started(victim)
        self.assertIn(f"store/{file.name} is damaged", pathlib.Path(victim.log_file()).read_text())
        self.await_repaired(victim, group)


if __name__ == "__main__":
    unittest.main()
