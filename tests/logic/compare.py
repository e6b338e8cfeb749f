# SPDX-License-Identifier: Apache-2.0
"""Our answers beside PostgreSQL's.

    compare.py [CASE..]            asks both, prints where they differ; exit status 1 if they do
    compare.py --write [CASE..]    PostgreSQL's answers become the cases' expected ones
    compare.py --messages ..       also prints where only the texts of errors differ

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
    statements = logic.parse((logic.CASES / f"{case}.sql").read_text())
    counts = [0, 0, 0]
    kept = []
    for s in statements:
        if s.mark == "split":
            try:
                split(s.text.split())
            except AssertionError as error:
                print(f"{case}:{s.line}: {error}")
                counts[1] += 1
            continue
        theirs = judge.ask(s.text)
        said = list(judge.messages)
        if s.mark == "skip":
            continue
        mine = ours.ask(s.text)
        kept.append((s, mine if s.mark == "differs" else theirs))
        counts[0] += 1
        if s.mark == "differs":
            if mine == theirs:
                print(f"{case}:{s.line}: no longer differs ({s.reason})")
                counts[1] += 1
        elif mine != theirs:
            counts[2 if mine == ["ERROR 0A000"] else 1] += 1
            print(f"{case}:{s.line}: {s.text}", *("    PostgreSQL  " + l for l in [*theirs, *said]),
                  *("    ours        " + l for l in [*mine, *ours.messages]), sep="\n")
        elif args.messages and said != ours.messages:
            print(f"{case}:{s.line}: {s.text}", *("    PostgreSQL  " + l for l in said),
                  *("    ours        " + l for l in ours.messages), sep="\n")
    if args.write:
        (logic.CASES / f"{case}.out").write_text(logic.expected_text(kept))
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--write", action="store_true")
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
