# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL's wire protocol by hand: what a test wants to say, right or wrong, and what is answered."""

import socket
import struct

PROTOCOL = 196608
SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102


def zero(text):
    return (text if isinstance(text, bytes) else text.encode()) + b"\0"


def message(kind, body=b""):
    return kind.encode() + struct.pack("!i", len(body) + 4) + body


def startup(code, body=b""):
    return struct.pack("!ii", len(body) + 8, code) + body


def query(sql):
    return message("Q", zero(sql))


def parse(sql, name="", oids=()):
    return message("P", zero(name) + zero(sql) + struct.pack(f"!h{len(oids)}i", len(oids), *oids))


def bind(values=(), name="", portal="", formats=(), results=()):
    body = zero(portal) + zero(name) + struct.pack(f"!h{len(formats)}h", len(formats), *formats)
    body += struct.pack("!h", len(values))
    for v in values:
        body += struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v
    return message("B", body + struct.pack(f"!h{len(results)}h", len(results), *results))


def describe(kind, name=""):
    return message("D", kind.encode() + zero(name))


def close(kind, name=""):
    return message("C", kind.encode() + zero(name))


def execute(portal="", limit=0):
    return message("E", zero(portal) + struct.pack("!i", limit))


SYNC = message("S")
FLUSH = message("H")
TERMINATE = message("X")


def fields(body):
    """An error's fields by their letters."""
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


class Wire:
    """One connection; `start` says who is there, and waits until the server is ready."""

    def __init__(self, address, start=True, **parameters):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=30)
        self.parameters, self.key, self.buffer = {}, None, b""
        if start:
            self.send(self.hello(**parameters))
            self.until_ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @staticmethod
    def hello(code=PROTOCOL, **parameters):
        pairs = {"user": "me", "database": "isochron", **parameters}
        return startup(code, b"".join(zero(k) + zero(v) for k, v in pairs.items() if v is not None) + b"\0")

    def send(self, *parts):
        self.socket.sendall(b"".join(parts))

    def take(self, count):
        while len(self.buffer) < count:
            more = self.socket.recv(1 << 16)
            if not more:
                raise EOFError("the server closed the connection")
            self.buffer += more
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def receive(self):
        kind, size = struct.unpack("!ci", self.take(5))
        body = self.take(size - 4)
        kind = kind.decode()
        if kind == "S":
            name, value = body[:-1].split(b"\0")
            self.parameters[name.decode()] = value.decode()
        if kind == "K":
            self.key = struct.unpack("!iI", body)
        return kind, body

    def closed(self):
        """What comes until the server closes."""
        out = []
        try:
            while True:
                out.append(self.receive())
        except (EOFError, ConnectionResetError):
            return out

    def until_ready(self):
        """All messages up to ReadyForQuery, as words: "C:SELECT 1", "E:42601", "D:a|b", "Z:I"."""
        words = []
        while True:
            kind, body = self.receive()
            if kind in "EN":
                words.append(f"{kind}:{fields(body)['C']}")
            elif kind == "C":
                words.append("C:" + body[:-1].decode())
            elif kind == "D":
                words.append("D:" + "|".join(self.row(body)))
            elif kind == "Z":
                words.append("Z:" + body.decode())
                return words
            elif kind not in "SKR":
                words.append(kind)

    @staticmethod
    def row(body):
        (count,) = struct.unpack("!h", body[:2])
        at, out = 2, []
        for _ in range(count):
            (size,) = struct.unpack("!i", body[at:at + 4])
            at += 4
            out.append("NULL" if size < 0 else body[at:at + size].decode(errors="replace"))
            at += max(size, 0)
        return out

    def ask(self, *parts):
        self.send(*parts)
        return self.until_ready()

    def sql(self, text):
        return self.ask(query(text))
