# SPDX-License-Identifier: Apache-2.0
"""Our answers beside PostgreSQL's.

    compare.py [CASE..]            asks both, prints where they differ otherwise than NAME.ours says
    compare.py --all ..            prints all that differs
    compare.py --messages ..       also where only the texts of errors differ
    compare.py --write [CASE..]    keeps what both said

Needs PostgreSQL 15 installed. With --ours HOST:PORT a running node is asked instead of one started for this.
"""

import argparse
import sys

sys.path[:0] = [__file__.rsplit("/", 1)[0] + p for p in ("", "/../conformance/pg", "/../integration")]

import logic  # noqa: E402
from judge import Judge  # noqa: E402
from universe import Universe  # noqa: E402


def compare(case, judge, ours, split, args):
    """Counts of (statements, differences, refused)."""
    counts, kept, differing = [0, 0, 0], [], []
    known = logic.read_ours(logic.CASES / f"{case}.ours")
    for s in logic.parse((logic.CASES / f"{case}.sql").read_text()):
        if s.mark == "split":
            split(s.text.split())
            continue
        theirs = judge.ask(s.text)
        said = list(judge.messages)
        if s.mark == "skip":
            continue
        mine = ours.ask(s.text)
        number = len(kept)
        kept.append((s, theirs))
        counts[0] += 1
        if mine != theirs:
            differing.append((number, s, mine))
            counts[2 if mine == ["ERROR 0A000"] else 1] += 1
        new = mine != theirs and (args.all or known.get(number) != mine)
        if new or (args.messages and said != ours.messages):
            print(f"{case}:{s.line}: {s.text}", *("    PostgreSQL  " + l for l in [*theirs, *said]),
                  *("    ours        " + l for l in [*mine, *ours.messages]), sep="\n")
    if args.write:
        (logic.CASES / f"{case}.out").write_text(logic.expected_text(kept))
        (logic.CASES / f"{case}.ours").write_text(logic.ours_text(differing))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--messages", action="store_true")
    parser.add_argument("--ours")
    args = parser.parse_args()
    cases = args.cases or sorted(p.stem for p in logic.CASES.glob("*.sql"))
    total = [0, 0, 0]
    with Judge() as judge, Universe(flags=["--regions", "1"]) if not args.ours else open("/dev/null") as universe:
        address = args.ours or universe.nodes[0].pg
        for case in cases:
            theirs, ours = logic.Server(judge.address), logic.Server(address)
            counts = compare(case, theirs, ours, logic.splitter(ours), args)
            print(f"{case}: {counts[0]} statements, {counts[1]} differ, {counts[2]} refused")
            total = [a + b for a, b in zip(total, counts)]
            theirs.close()
            ours.close()
    print(f"{total[0]} statements, {total[1]} differ, {total[2]} refused")
    return 1 if total[1] or total[2] else 0


if __name__ == "__main__":
    sys.exit(main())
