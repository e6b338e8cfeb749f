# SPDX-License-Identifier: Apache-2.0
"""Random statements, asked of PostgreSQL and of us.

    random_compare.py --seed S --count N [--ours HOST:PORT]

A seed is a schema and 200 statements over it; `--count` statements run as seeds S, S+1, .. Prints every statement whose
answers differ, with its seed, and at the end how many there were. Exit status 1 if any does.
"""

import argparse
import collections
import contextlib
import random
import re
import sys

sys.path[:0] = [__file__.rsplit("/", 1)[0] + p for p in ("", "/../conformance/pg", "/../integration")]

import logic  # noqa: E402
from grammar import Grammar  # noqa: E402
from judge import Judge  # noqa: E402
from universe import Universe  # noqa: E402

A_SEED = 200


def plain(statement, answer):
    """Without zeros at the ends of numbers: of 1 and 1.0 in one group either may stand for both."""
    lines = [re.sub(r"(\d)(\.\d*?)0+\b", lambda m: m[1] + m[2].rstrip("."), line) for line in answer]
    return lines if logic.ordered(statement) else sorted(lines)


class Comparison:
    def __init__(self, judge, ours):
        self.judge, self.ours = judge, ours
        self.asked = self.wrong = self.late = self.failed = 0
        self.refused = collections.Counter()

    def seed(self, seed, count):
        grammar = Grammar(random.Random(seed), f"s{seed}_")
        theirs, ours = logic.Server(self.judge), logic.Server(self.ours)
        try:
            for statement in grammar.schema():
                self.compare(seed, statement, theirs, ours)
            for i in range(count):
                split = grammar.random.random() < 0.02
                if split:
                    table = grammar.random.choice(grammar.tables)
                    ours.ask(f"SELECT isochron.split('{table.name}', {grammar.random.randint(1, 30)})")
                if not self.compare(seed, grammar.statement(), theirs, ours):
                    # Whatever was written, both go on from the same.
                    if not self.same_tables(seed, grammar, theirs, ours):
                        return
            self.same_tables(seed, grammar, theirs, ours)
        finally:
            theirs.close()
            ours.close()

    def same_tables(self, seed, grammar, theirs, ours):
        same = True
        for table in grammar.tables:
            same = self.compare(seed, f"SELECT * FROM {table.name}", theirs, ours) and same
        return same

    def compare(self, seed, statement, theirs, ours):
        self.asked += 1
        wanted, got = theirs.ask(statement), ours.ask(statement)
        if wanted == got or plain(statement, wanted) == plain(statement, got):
            self.failed += wanted[-1].startswith("ERROR")
            return True
        if got == ["ERROR 0A000"]:
            self.refused[ours.messages[0]] += 1
            return False
        # An error that depends on what is evaluated first, and whether at all.
        if any(len(a) == 1 and a[0].startswith("ERROR 22") for a in (wanted, got)):
            self.late += 1
            return False
        self.wrong += 1
        print(f"seed {seed}: {statement}", *("    PostgreSQL  " + l for l in [*wanted[:12], *theirs.messages]),
              *("    ours        " + l for l in [*got[:12], *ours.messages]), sep="\n", flush=True)
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--ours")
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        judge = stack.enter_context(Judge())
        ours = args.ours or stack.enter_context(Universe(flags=["--regions", "1"])).nodes[0].pg
        comparison = Comparison(judge.address, ours)
        for i in range(0, args.count, A_SEED):
            comparison.seed(args.seed + i // A_SEED, min(A_SEED, args.count - i))
    for message, times in comparison.refused.most_common():
        print(f"refused {times} times: {message}")
    print(f"{comparison.asked} statements: {comparison.wrong} wrong, {sum(comparison.refused.values())} refused, "
          f"{comparison.late} failed in one place only, {comparison.failed} failed alike")
    return 1 if comparison.wrong or comparison.refused else 0


if __name__ == "__main__":
    sys.exit(main())
