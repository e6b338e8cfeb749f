# SPDX-License-Identifier: Apache-2.0
r"""Statements with the answers that they must have.

A case is a file of statements, `cases/NAME.sql`; beside it `cases/NAME.out` has each statement with its answer, as
PostgreSQL 15 gave it, and `cases/NAME.ours` those that we answer otherwise, with our answer (both by `compare.py
--write`): what is missing still, and the few things that are meant to differ. A statement ends with a `;` at the end of a line. Lines before it that
begin with `--` may say how it is to be taken:

    -- split: t 10 20     no statement: table t is split at these keys, in runs over many splits
    -- skip: reason       only PostgreSQL is told, no answer is kept
    -- each x: 1 | 2 | 3  the statement is asked with each of these for {x}; several lines: with every combination
                          (\| is a |)

An answer is the names and types of the columns, the rows, then the command's tag; or ERROR and the SQLSTATE.
Rows of a query without ORDER BY of its own are sorted: nothing says in which order they come.
"""

import itertools
import pathlib
import re
import struct

from wire import Wire, fields, query

CASES = pathlib.Path(__file__).resolve().parent / "cases"
# What a client needs to know to tell types apart. Others show by number.
TYPES = {16: "bool", 17: "bytea", 18: "char", 19: "name", 20: "int8", 21: "int2", 22: "int2vector", 23: "int4",
         24: "regproc", 25: "text", 26: "oid", 28: "xid", 30: "oidvector", 114: "json", 700: "float4", 701: "float8",
         705: "unknown", 1042: "bpchar", 1043: "varchar", 1082: "date", 1083: "time", 1114: "timestamp",
         1184: "timestamptz", 1186: "interval", 1266: "timetz", 1700: "numeric", 2205: "regclass", 2206: "regtype",
         2249: "record", 2278: "void", 2950: "uuid", 3802: "jsonb", 4089: "regnamespace",
         1000: "bool[]", 1001: "bytea[]", 1005: "int2[]", 1007: "int4[]", 1009: "text[]", 1014: "bpchar[]",
         1015: "varchar[]", 1016: "int8[]", 1021: "float4[]", 1022: "float8[]", 1115: "timestamp[]", 1182: "date[]",
         1183: "time[]", 1185: "timestamptz[]", 1187: "interval[]", 1231: "numeric[]", 2951: "uuid[]", 199: "json[]",
         3807: "jsonb[]"}
# Numbers of types that users make.
FIRST_MADE = 16384
MADE = re.compile("\0(\\d+)\0")
MARK = re.compile(r"--\s*(split|skip):\s*(.*)")
EACH = re.compile(r"--\s*each (\w+): (.*)")


class Statement:
    def __init__(self, text, line, mark=None, reason=""):
        self.text, self.line, self.mark, self.reason = text, line, mark, reason


def expand(text, each):
    """One text for every combination of the values in `each`."""
    for values in itertools.product(*each.values()):
        out = text
        for name, value in zip(each, values):
            out = out.replace("{" + name + "}", value)
        yield out


def parse(text):
    """The statements of a case."""
    out, lines, mark, reason, each, begin = [], [], None, "", {}, 0
    for number, line in enumerate(text.splitlines(), 1):
        found = MARK.match(line) if not lines else None
        many = EACH.match(line) if not lines else None
        if many:
            each[many[1]] = [v.replace("\\|", "|") for v in re.split(r"\s+\|\s+", many[2].strip())]
        elif found and found[1] == "split":
            out.append(Statement(found[2], number, "split"))
        elif found:
            mark, reason = found[1], found[2]
        elif lines or (line.strip() and not line.startswith("--")):
            begin = begin if lines else number
            lines.append(line)
            if line.rstrip().endswith(";"):
                whole = "\n".join(lines).rstrip()[:-1]
                out += [Statement(t, begin, mark, reason) for t in expand(whole, each)]
                lines, mark, reason, each = [], None, "", {}
    if lines:
        raise ValueError(f"line {begin}: the statement has no end")
    return out


def ordered(text):
    """Whether the query itself, and not only one inside it, says in which order its rows come."""
    depth, plain = 0, []
    for part in re.findall(r"'(?:[^']|'')*'|[()]|[^'()]+|'", text):
        if part in "()":
            depth += 1 if part == "(" else -1
        elif depth == 0 and not part.startswith("'"):
            plain.append(part)
    return re.search(r"\border\s+by\b", " ".join(plain), re.IGNORECASE) is not None


def shown(value):
    if value is None:
        return "NULL"
    text = value.decode(errors="replace")
    if text == "NULL" or text == "":
        return f"'{text}'"
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("|", "\\|")


class Server:
    """One session that is asked statements. `address` is host:port."""

    def __init__(self, address, **parameters):
        self.wire = Wire(address, **parameters)
        self.messages = []  # of the last statement's errors

    def close(self):
        self.wire.socket.close()

    def ask(self, text):
        """The answer, as lines."""
        self.wire.send(query(text))
        lines, rows, header, self.messages = [], [], None, []
        while True:
            kind, body = self.wire.receive()
            if kind == "T":
                header = self._header(body)
            elif kind == "D":
                rows.append(" | ".join(self._row(body)))
            elif kind in "CI":
                if header is not None:
                    lines += [header, *(rows if ordered(text) else sorted(rows))]
                lines.append(body[:-1].decode() if kind == "C" else "(empty)")
                rows, header = [], None
            elif kind == "E":
                error = fields(body)
                self.messages.append(error["M"])
                lines.append("ERROR " + error["C"])
                rows, header = [], None
            elif kind == "G":
                raise ValueError("COPY FROM STDIN is not for these files")
            elif kind == "Z":
                return [MADE.sub(lambda m: self._made(int(m[1])), line) for line in lines]

    def _made(self, oid):
        """What a type that users made is called: its number may be any."""
        self.wire.send(query(f"SELECT format_type({oid}, NULL)"))
        name = "unknown"
        while True:
            kind, body = self.wire.receive()
            if kind == "D":
                name = self._row(body)[0]
            elif kind == "Z":
                return name

    @staticmethod
    def _header(body):
        (count,) = struct.unpack("!h", body[:2])
        at, out = 2, []
        for _ in range(count):
            end = body.index(b"\0", at)
            (oid,) = struct.unpack("!i", body[end + 7:end + 11])
            name = f"\0{oid}\0" if oid >= FIRST_MADE else TYPES.get(oid, oid)
            out.append(f"{body[at:end].decode()}:{name}")
            at = end + 19
        return " | ".join(out) or "(no columns)"

    @staticmethod
    def _row(body):
        (count,) = struct.unpack("!h", body[:2])
        at, out = 2, []
        for _ in range(count):
            (size,) = struct.unpack("!i", body[at:at + 4])
            at += 4
            out.append(shown(None if size < 0 else body[at:at + size]))
            at += max(size, 0)
        return out


def splitter(server):
    """Splits our tables where a case says."""
    def split(words):
        for key in words[1:]:
            answer = server.ask(f"SELECT isochron.split('{words[0]}', {key})")
            if any(line.startswith("ERROR") for line in answer):
                raise AssertionError(f"split of {words[0]} at {key}: {answer} {server.messages}")
    return split


def expected_text(answers):
    """What is kept in NAME.out of (statement, answer)s."""
    parts = []
    for s, answer in answers:
        parts.append("\n".join([*("> " + line for line in s.text.split("\n")), *("  " + line for line in answer)]))
    return "\n".join(parts) + "\n"


def read_expected(text):
    """(statement's text, answer) of NAME.out."""
    out, last = [], None
    for line in text.split("\n"):
        kind, rest = line[:2], line[2:]
        if kind == "> ":
            if last == "> ":
                out[-1][0].append(rest)
            else:
                out.append(([rest], []))
        elif kind == "  ":
            out[-1][1].append(rest)
        last = kind
    return [("\n".join(t), a) for t, a in out]


def ours_text(differing):
    """What is kept in NAME.ours of (number of the statement, statement, answer)s."""
    return "".join(f"@ {number}\n" + expected_text([(s, answer)]) for number, s, answer in differing)


def read_ours(path):
    """Number of the statement -> our answer."""
    if not path.exists():
        return {}
    parts = re.split(r"^@ (\d+)\n", path.read_text(), flags=re.MULTILINE)[1:]
    return {int(n): read_expected(text)[0][1] for n, text in zip(parts[::2], parts[1::2])}
