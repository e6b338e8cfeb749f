# SPDX-License-Identifier: Apache-2.0
"""The schema changes under a running bank, over three nodes of which one is killed meanwhile.

Nothing here measures time: a transaction that a change held up for ever would not end, and the test with it; and while
a change runs, the bank must go on.
"""

import random
import struct
import threading
import unittest

from universe import SqlError, Universe, await_state
from wire import CANCEL_REQUEST, Wire, startup

ACCOUNTS, OWNERS, OPENING = 2000, 50, 100
# Run again (a transaction that was wounded or whose outcome is not known, a leader that is looked for), or the node is
# gone.
RETRYABLE = {"40001", "40003", "57P03", "57014", "57P01", "08006"}


class Writer(threading.Thread):
    """Moves money between accounts of one node; rows go and come, too. The sum stays."""

    def __init__(self, node, seed):
        super().__init__(daemon=True)
        self.node, self.random = node, random.Random(seed)
        self.stop = threading.Event()
        self.commits, self.refused, self.errors = 0, {}, []
        self.mortal = False  # its node will be killed
        self.unique = False  # a unique index is being built: writes that would break it fail already

    def run(self):
        wire = None
        while not self.stop.is_set():
            try:
                wire = wire or Wire(self.node.pg)
                self.transfer(wire)
            except (OSError, EOFError):
                if wire:
                    wire.socket.close()
                wire = None
                if not self.mortal:
                    self.errors.append(f"node {self.node.number} closed a connection")
                    return
                self.stop.wait(0.2)
        if wire:
            wire.socket.close()

    def transfer(self, wire):
        one, two = self.random.sample(range(1, ACCOUNTS + 1), 2)
        answers = wire.sql("BEGIN")
        answers += wire.sql(f"SELECT id, balance FROM accounts WHERE id IN ({one}, {two}) FOR UPDATE")
        found = dict(a[2:].split("|") for a in answers if a.startswith("D:"))
        if str(two) in found:
            rest = int(found[str(two)])
            if str(one) in found and self.random.random() < 0.3:
                answers += wire.sql(f"DELETE FROM accounts WHERE id = {one}")
                rest += int(found[str(one)])
            elif str(one) in found:
                owner = self.random.randrange(OWNERS)
                answers += wire.sql(f"UPDATE accounts SET balance = balance + 1, owner = {owner} WHERE id = {one}")
                rest -= 1
            else:
                answers += wire.sql("INSERT INTO accounts (id, owner, balance)"
                                    f" VALUES ({one}, {self.random.randrange(OWNERS)}, {rest // 2})")
                rest -= rest // 2
            answers += wire.sql(f"UPDATE accounts SET balance = {rest} WHERE id = {two}")
        answers += wire.sql("COMMIT")
        failed = [a[2:] for a in answers if a.startswith("E:") and a != "E:25P02"]
        if not failed:
            self.commits += 1
        for state in failed[:1]:
            self.refused[state] = self.refused.get(state, 0) + 1
            if state not in RETRYABLE and not (state == "23505" and self.unique):
                self.errors.append(f"node {self.node.number}: {answers}")


class SchemaChangesTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.universe = Universe()
        self.universe.__enter__()
        self.addCleanup(self.universe.__exit__, None, None, None)
        self.node = self.universe.nodes[0]

    def prepare(self):
        self.node.sql("CREATE TABLE owners (id bigint PRIMARY KEY, name text NOT NULL)")
        self.node.sql("CREATE TABLE accounts (id bigint PRIMARY KEY, owner bigint NOT NULL, balance bigint NOT NULL)")
        owners = ", ".join(f"({i}, 'owner {i}')" for i in range(OWNERS))
        self.node.sql(f"INSERT INTO owners VALUES {owners}")
        accounts = ", ".join(f"({i}, {i % OWNERS}, {OPENING})" for i in range(1, ACCOUNTS + 1))
        self.node.sql(f"INSERT INTO accounts VALUES {accounts}", 60)
        self.node.sql(f"SELECT isochron.split('accounts', {ACCOUNTS // 2})")

    def change(self, statement, state=None, meanwhile=None):
        """Runs it by the first node; the bank commits meanwhile, at each node that lives."""
        before = [w.commits for w in self.writers]
        answer = []

        def run():
            with Wire(self.node.pg) as wire:
                wire.socket.settimeout(180)
                answer.extend(wire.sql(statement))

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        if meanwhile:
            meanwhile()
        thread.join(180)
        self.assertTrue(answer, f"{statement}: no answer")
        self.assertEqual([a[2:] for a in answer if a.startswith("E:")], [state] if state else [], statement)
        gained = [w.commits - b for w, b in zip(self.writers, before)]
        print(f"{statement}: commits meanwhile {gained}", flush=True)
        for writer, count in zip(self.writers, gained):
            if not writer.mortal:
                self.assertGreater(count, 0, f"{statement}: node {writer.node.number} stood still")
        self.judge()

    def judge(self, node=None):
        """All of one snapshot: the sum, and what each index says against the table."""
        node = node or self.node

        def look():
            with Wire(node.pg) as wire:
                answers = []
                for ask in ("BEGIN READ ONLY", "SELECT id, owner, balance FROM accounts",
                            "SELECT id, owner FROM accounts WHERE owner >= 0",
                            "SELECT id, balance FROM accounts WHERE balance > 150",
                            "SELECT id, owner * 2 FROM accounts WHERE owner * 2 >= 0", "COMMIT"):
                    answers.append(wire.sql(ask))
                if any(a.startswith("E:") for answer in answers for a in answer):
                    return None
                return [[tuple(int(v) for v in a[2:].split("|")) for a in answer if a.startswith("D:")]
                        for answer in answers[1:5]]

        rows, owners, rich, doubled = await_state("a snapshot", 60, look, 0.2)
        self.assertEqual(sum(r[2] for r in rows), ACCOUNTS * OPENING)
        self.assertEqual(sorted(owners), sorted((r[0], r[1]) for r in rows))
        self.assertEqual(sorted(rich), sorted((r[0], r[2]) for r in rows if r[2] > 150))
        self.assertEqual(sorted(doubled), sorted((r[0], 2 * r[1]) for r in rows))

    def cancelled(self):
        """A CREATE INDEX is seen at work, and cancelled: the index is gone again, and its name free."""
        answer = []
        with Wire(self.node.pg) as wire, Wire(self.node.pg) as other:
            wire.socket.settimeout(180)
            thread = threading.Thread(target=lambda: answer.extend(wire.sql("CREATE INDEX short ON accounts (balance)")),
                                      daemon=True)
            thread.start()
            progress = ("SELECT c.relname, p.phase, p.tuples_done FROM pg_stat_progress_create_index p"
                        " JOIN pg_class c ON c.oid = p.index_relid")
            seen = await_state("the build is seen", 60,
                               lambda: [a for a in other.sql(progress) if a.startswith("D:short|")], 0.02)
            print("seen:", seen, flush=True)
            canceller = Wire(self.node.pg, start=False)
            canceller.send(startup(CANCEL_REQUEST, struct.pack("!iI", *wire.key)))
            canceller.closed()
            canceller.socket.close()
            thread.join(180)
            self.assertEqual([a[2:] for a in answer if a.startswith("E:")], ["57014"], answer)
            self.assertIn("D:0", other.sql("SELECT count(*) FROM pg_class WHERE relname = 'short'"))
            self.assertFalse([a for a in other.sql(progress) if a.startswith("D:")])
        self.change("CREATE INDEX short ON accounts (balance)")

    def test_changes_under_a_bank(self):
        self.prepare()
        nodes = self.universe.nodes
        self.writers = [Writer(node, number) for number, node in enumerate(nodes + nodes[:2])]
        last = nodes[2]
        try:
            for writer in self.writers:
                writer.start()
            self.change("ALTER TABLE accounts ADD COLUMN note text DEFAULT 'none'")
            self.change("CREATE INDEX by_owner ON accounts (owner)")
            for writer in self.writers:
                writer.unique = True
            self.change("CREATE UNIQUE INDEX one_each ON accounts (owner)", state="23505")
            for writer in self.writers:
                writer.mortal = writer.node is last
            self.change("CREATE INDEX rich ON accounts (balance) WHERE balance > 150", meanwhile=last.kill)
            self.change("CREATE INDEX doubled ON accounts ((owner * 2))")
            self.change("ALTER TABLE accounts ADD CONSTRAINT owned FOREIGN KEY (owner) REFERENCES owners")
            self.change("ALTER TABLE accounts DROP COLUMN note")
            last.restart()
            await_state("the node that was killed serves again", 75,
                        lambda: last.rows("SELECT count(*) FROM accounts", 10))
            self.change("DROP INDEX rich")
            for writer in self.writers:
                writer.mortal = False
            self.cancelled()
        finally:
            for writer in self.writers:
                writer.stop.set()
            for writer in self.writers:
                writer.join(90)
        for writer in self.writers:
            self.assertFalse(writer.is_alive(), f"a transaction at node {writer.node.number} does not end")
            self.assertEqual(writer.errors, [])
        print("refused, by SQLSTATE:", [w.refused for w in self.writers], flush=True)
        self.judge(last)
        for query, index in (("owner = 3", "by_owner"), ("owner * 2 = 6", "doubled")):
            plan = self.node.sql(f"EXPLAIN SELECT id FROM accounts WHERE {query}")
            self.assertIn(f"by index {index}", plan)
        with self.assertRaises(SqlError) as raised:
            self.node.sql("INSERT INTO accounts VALUES (900000, 900000, 0)")
        self.assertEqual(raised.exception.state, "23503")


if __name__ == "__main__":
    unittest.main(verbosity=2)
