# SPDX-License-Identifier: Apache-2.0
"""TPC-H against us and PostgreSQL: the same data, the same 22 questions, the same answers.

    tpch.py [--scale 0.01] [--ours HOST:PORT] [--query N..] [--write]

`--write` keeps PostgreSQL's answers in answers/, by which tpch_test.py judges where there is no PostgreSQL. Prints each
question's seconds at both.
"""

import argparse
import contextlib
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT), *(str(ROOT.parent / p) for p in ("logic", "conformance/pg", "integration"))]

import tpch_data  # noqa: E402
import wire  # noqa: E402
from logic import Server  # noqa: E402
from tpch_queries import QUERIES  # noqa: E402

A_COPY = 5000  # rows; a COPY is a transaction


def answers(scale):
    """Where PostgreSQL's answers are kept."""
    return ROOT / "answers" / f"tpch_{scale}.out"


def one(server, text):
    """The answer; fails where it is an error."""
    lines = server.ask(text)
    if any(line.startswith("ERROR") for line in lines):
        raise AssertionError(f"{text[:200]}: {lines} {server.messages}")
    return lines


def copy(server, table, rows):
    """One COPY of all rows."""
    body = "".join("\t".join(str(v) for v in row) + "\n" for row in rows).encode()
    w = server.wire
    w.send(wire.query(f"COPY {table} FROM STDIN"), wire.message("d", body), wire.message("c"))
    words = w.until_ready()
    if any(word.startswith("E:") for word in words):
        raise AssertionError(f"COPY {table}: {words}")


def load(server, scale, splits=()):
    server.wire.socket.settimeout(600)
    for statement in tpch_data.SCHEMA:
        one(server, statement)
    for statement in splits:
        one(server, statement)
    for table in tpch_data.TABLES:
        some = []
        for row in tpch_data.rows(table, scale):
            some.append(row)
            if len(some) == A_COPY:
                copy(server, table, some)
                some = []
        if some:
            copy(server, table, some)
    for statement in tpch_data.INDEXES:
        one(server, statement)


def splits(scale):
    """Where ours is cut, so that what reads a table reads several groups."""
    n = tpch_data.Counts(scale)
    return [f"SELECT isochron.split('{table}', {key * share // 4})"
            for table, key in (("orders", n.orders * 4), ("lineitem", n.orders * 4), ("part", n.parts),
                               ("partsupp", n.parts), ("customer", n.customers)) for share in (1, 2, 3)]


def timed(server, text):
    begin = time.monotonic()
    return server.ask(text), time.monotonic() - begin


def main():
    from judge import Judge
    from universe import Universe
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.01)
    parser.add_argument("--ours")
    parser.add_argument("--query", type=int, nargs="*", default=list(QUERIES))
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    wrong, kept = 0, []
    with contextlib.ExitStack() as stack:
        theirs = Server(stack.enter_context(Judge()).address)
        load(theirs, args.scale)
        one(theirs, "ANALYZE")
        ours = None
        if not args.write:
            ours = Server(args.ours or stack.enter_context(Universe(flags=["--regions", "1"])).nodes[0].pg)
            begin = time.monotonic()
            load(ours, args.scale, splits(args.scale))
            print(f"loaded in {time.monotonic() - begin:.1f} s")
        for number in args.query:
            wanted, their_s = timed(theirs, QUERIES[number])
            kept += [f"Q{number}", *wanted]
            if ours is None:
                continue
            got, our_s = timed(ours, QUERIES[number])
            same = got == wanted
            wrong += not same
            print(f"Q{number}: {'same' if same else 'DIFFERS'}, {len(wanted) - 2} rows, PostgreSQL {their_s:.2f} s, "
                  f"ours {our_s:.2f} s", flush=True)
            if not same:
                print(*("    PostgreSQL  " + l for l in wanted[:5]), *("    ours        " + l for l in got[:5]),
                      *ours.messages, sep="\n", flush=True)
    if args.write:
        answers(args.scale).parent.mkdir(exist_ok=True)
        answers(args.scale).write_text("\n".join(kept) + "\n")
    print(f"{len(args.query)} questions, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
