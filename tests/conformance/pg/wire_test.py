# SPDX-License-Identifier: Apache-2.0
"""The PostgreSQL door against clients of every kind: right ones, wrong ones, slow ones, and very many."""

import resource
import socket
import struct
import unittest

import wire
from universe import Universe, UniverseCase, await_state, run
from wire import Wire, bind, describe, execute, message, parse, query, zero


class WireTest(UniverseCase):
    FLAGS = ("--regions", "1")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node = cls.universe.nodes[0]
        with Wire(cls.pg) as w:
            w.sql("create table t (id bigint primary key, v text)")
            w.sql("insert into t values (1, 'one'), (2, 'two'), (3, null)")

    def test_negotiation(self):
        with Wire(self.pg, start=False) as w:
            for code in (wire.SSL_REQUEST, wire.GSS_REQUEST):
                w.send(wire.startup(code))
                self.assertEqual(w.take(1), b"N")
            w.send(w.hello(application_name="a test"))
            self.assertEqual(w.until_ready(), ["Z:I"])
            self.assertEqual(w.parameters["application_name"], "a test")
            self.assertTrue(w.parameters["server_version"].startswith("15."))
            for name in ("client_encoding", "server_encoding", "DateStyle", "TimeZone", "integer_datetimes",
                         "standard_conforming_strings", "IntervalStyle", "is_superuser"):
                self.assertIn(name, w.parameters)
        with Wire(self.pg, start=False) as w:  # a newer client that may come down
            w.send(w.hello(196610, **{"_pq_.new": "1"}))
            self.assertEqual(w.until_ready(), ["v", "Z:I"])

    def refused(self, *parts, code):
        with Wire(self.pg, start=False) as w:
            w.send(*parts)
            [(kind, body)] = w.closed()
            self.assertEqual((kind, wire.fields(body)["C"], wire.fields(body)["S"]), ("E", code, "FATAL"))

    def test_refusals(self):
        self.refused(Wire.hello(131072), code="0A000")
        self.refused(Wire.hello(database="nope"), code="3D000")
        self.refused(Wire.hello(user=None), code="28000")
        self.refused(Wire.hello(timezone="Mars/Olympus"), code="22023")
        self.refused(Wire.hello(replication="true"), code="0A000")
        self.refused(wire.startup(wire.PROTOCOL, b"user"), code="08P01")
        self.refused(b"GET / HTTP/1.1\r\n\r\n", code="08P01")
        self.refused(struct.pack("!i", 5), code="08P01")
        self.refused(wire.startup(wire.SSL_REQUEST) + Wire.hello(), code="08P01")

    def test_garbage_ends_a_connection_and_no_more(self):
        for bytes_ in (b"\0\0\0\0\0", message("Q")[:1] + struct.pack("!i", 3), b"?\0\0\0\4",
                       b"Q" + struct.pack("!i", 0x7fffffff), b"E" + struct.pack("!i", 20000)):
            with Wire(self.pg) as w:
                w.send(bytes_)
                [(kind, body)] = w.closed()
                self.assertEqual((kind, wire.fields(body)["C"]), ("E", "08P01"), bytes_)
        with Wire(self.pg) as w:
            self.assertEqual(w.ask(message("Q", b"no end")), ["E:08P01", "Z:I"])
            self.assertEqual(w.ask(message("B", b"\0\0\0"), wire.SYNC), ["E:26000", "Z:I"])
            self.assertEqual(w.ask(message("P", b"x"), wire.SYNC), ["E:08P01", "Z:I"])
            self.assertEqual(w.ask(query(b"select '\xff'")), ["E:22021", "Z:I"])
            self.assertEqual(w.sql("select 1"), ["T", "D:1", "C:SELECT 1", "Z:I"])

    def test_binary_both_ways(self):
        with Wire(self.pg) as w:
            got = w.ask(parse("select $1, $2, $3, $4", oids=(20, 16, 701, 17)),
                        bind((struct.pack("!q", -7), b"\1", struct.pack("!d", 0.5), b"\0\xff"), formats=(1,)),
                        execute(), wire.SYNC)
            self.assertEqual(got, ["1", "2", "D:-7|t|0.5|\\x00ff", "C:SELECT 1", "Z:I"])
            w.send(parse("select id from t where id = $1"), bind((b"2",), results=(1,)), describe("P"), execute(),
                   wire.SYNC)
            seen = []
            while not seen or seen[-1][0] != "Z":
                seen.append(w.receive())
            self.assertEqual([k for k, _ in seen], ["1", "2", "T", "D", "C", "Z"])
            self.assertEqual(seen[3][1], struct.pack("!hiq", 1, 8, 2))
            self.assertEqual(w.ask(parse("select $1", oids=(20,)), bind((b"\0",), formats=(1,)), wire.SYNC),
                             ["1", "E:22P03", "Z:I"])

    def test_enums_travel_as_their_labels(self):
        with Wire(self.pg) as w:
            w.sql("create type feeling as enum ('sad', 'ok', 'happy')")
            w.sql("create table feelings (id int primary key, f feeling, all_of feeling[])")
            oids = w.sql("select oid, typarray from pg_type where typname = 'feeling'")[1]
            oid, array = map(int, oids[2:].split("|"))
            w.send(parse("insert into feelings values ($1, $2, $3) returning f, all_of", "s"), describe("S", "s"),
                   wire.SYNC)
            seen = []
            while not seen or seen[-1][0] != "Z":
                seen.append(w.receive())
            self.assertEqual([k for k, _ in seen], ["1", "t", "T", "Z"])
            self.assertEqual(seen[1][1], struct.pack("!hiii", 3, 23, oid, array))
            for name, of in ((b"f", oid), (b"all_of", array)):
                self.assertIn(struct.pack("!i", of), seen[2][1].split(name + b"\0")[1][:10])
            both = struct.pack("!iiiii", 1, 0, oid, 2, 1) + struct.pack("!i", 2) + b"ok" + struct.pack("!i", 3) + b"sad"
            for label, formats, results in ((b"happy", (0,), (0,)), (b"happy", (1,), (1,))):
                row = (struct.pack("!i", 1), label, both) if formats[0] else (b"1", label, b"{ok,sad}")
                w.send(bind(row, "s", formats=formats, results=results), execute(), wire.SYNC)
                seen = []
                while not seen or seen[-1][0] != "Z":
                    seen.append(w.receive())
                value = both if results[0] else b"{ok,sad}"
                self.assertEqual(seen[1][1], struct.pack("!hi", 2, 5) + b"happy" + struct.pack("!i", len(value)) + value)
                w.sql("delete from feelings")
            for formats in ((0,), (1,)):
                row = (struct.pack("!i", 2) if formats[0] else b"2", b"angry", None)
                self.assertEqual(w.ask(bind(row, "s", formats=formats), execute(), wire.SYNC), ["2", "E:22P02", "Z:I"])
            # Whoever knows the type's number may say it, or that it is a text.
            for declared, ends in ((oid, ["D:2", "C:SELECT 1", "Z:I"]), (0, ["D:2", "C:SELECT 1", "Z:I"])):
                w.sql("insert into feelings values (2, 'ok')")
                got = w.ask(parse("select id from feelings where f = $1", oids=(declared,)), bind((b"ok",), formats=(1,)),
                            execute(), wire.SYNC)
                self.assertEqual(got, ["1", "2"] + ends)
                w.sql("delete from feelings")
            # COPY both ways.
            w.send(query("copy feelings from stdin"), message("d", b"1\thappy\t{sad,NULL}\n2\tsad\t\\N\n"), message("c"))
            self.assertEqual(w.until_ready(), ["G", "C:COPY 2", "Z:I"])
            w.send(query("copy feelings from stdin"), message("d", b"3\tHappy\t{}\n"), message("c"))
            self.assertEqual(w.until_ready(), ["G", "E:22P02", "Z:I"])
            w.send(query("copy (select * from feelings order by f) to stdout"))
            out = b"".join(body for kind, body in iter(w.receive, ("Z", b"I")) if kind == "d")
            self.assertEqual(out, b"2\tsad\t\\N\n1\thappy\t{sad,NULL}\n")

    def test_what_is_prepared_follows_its_enum(self):
        with Wire(self.pg) as w:
            w.sql("create type size as enum ('small', 'large')")
            w.sql("create table boxes (id int primary key, s size, seen size[])")
            w.sql("insert into boxes values (1, 'large', '{small}')")
            (oid,) = [int(a[2:]) for a in w.sql("select oid from pg_type where typname = 'size'") if a.startswith("D:")]
            w.ask(parse("insert into boxes values ($1, $2, $3)", "i"), parse("select s from boxes where s >= $1 order by s", "q"),
                  describe("S", "q"), wire.SYNC)
            select = [bind((b"large",), "q"), execute(), wire.SYNC]
            self.assertEqual(w.ask(*select), ["2", "D:large", "C:SELECT 1", "Z:I"])
            w.sql("alter type size add value 'huge'")
            seen = struct.pack("!iiiii", 1, 0, oid, 1, 1) + struct.pack("!i", 4) + b"huge"
            self.assertEqual(w.ask(bind((struct.pack("!i", 2), b"huge", seen), "i", formats=(1,)), execute(), wire.SYNC),
                             ["2", "C:INSERT 0 1", "Z:I"])
            self.assertEqual(w.ask(bind((b"3", b"small", b"{huge,NULL}"), "i"), execute(), wire.SYNC),
                             ["2", "C:INSERT 0 1", "Z:I"])
            # Two rows at a time, too: what is kept until then is of the new version.
            self.assertEqual(w.ask(bind((b"large",), "q", results=(1,)), execute(limit=1), execute(limit=1), execute(), wire.SYNC),
                             ["2", "D:large", "s", "D:huge", "s", "C:SELECT 0", "Z:I"])
            w.sql("alter type size rename value 'large' to 'big'")
            self.assertEqual(w.ask(*select), ["2", "E:22P02", "Z:I"])
            self.assertEqual(w.ask(bind((b"big",), "q"), execute(), wire.SYNC), ["2", "D:big", "D:huge", "C:SELECT 2", "Z:I"])
            self.assertEqual(w.sql("select seen from boxes order by id"), ["T", "D:{small}", "D:{huge}", "D:{huge,NULL}", "C:SELECT 3", "Z:I"])

    def test_a_pipeline(self):
        with Wire(self.pg) as w:
            w.sql("create table p (id bigint primary key)")
            one = [parse("insert into p values ($1)", "s")]
            many = [part for i in range(500) for part in (bind((str(i).encode(),), "s"), execute())]
            answer = w.ask(*one, *many, wire.SYNC)
            self.assertEqual(answer.count("C:INSERT 0 1"), 500)
            # The last of them fails: none of it stays.
            again = [part for i in range(1000, 1100) for part in (bind((str(i).encode(),), "s"), execute())]
            answer = w.ask(*again, bind((b"0",), "s"), execute(), wire.SYNC)
            self.assertEqual(answer[-2:], ["E:23505", "Z:I"])
            self.assertEqual(w.sql("select count(*) from p")[1], "D:500")
            # A Sync each: one after the other, each for itself.
            w.send(*[part for i in range(100) for part in (bind((str(2000 + i).encode(),), "s"), execute(), wire.SYNC)])
            for _ in range(100):
                self.assertEqual(w.until_ready(), ["2", "C:INSERT 0 1", "Z:I"])

    def test_copy(self):
        with Wire(self.pg) as w:
            w.sql("create table c (a bigint primary key, b text, d double precision)")
            w.send(query("copy c from stdin"))
            self.assertEqual(w.receive()[0], "G")
            rows = b"".join(b"%d\trow %d\t\\N\n" % (i, i) for i in range(1000))
            for at in range(0, len(rows), 777):
                w.send(message("d", rows[at:at + 777]))
            self.assertEqual(w.ask(message("c")), ["C:COPY 1000", "Z:I"])
            self.assertEqual(w.sql("select count(*), count(d), min(b) from c")[1], "D:1000|0|row 0")
            for line, code in ((b"x\ty\t1\n", "22P02"), (b"1\n", "22P04"), (b"1\t2\t3\t4\n", "22P04"),
                               (b"1\t2\t3\n", "23505"), (b"5000\t\xff\t1\n", "22021")):
                w.send(query("copy c from stdin"), message("d", b"4000\tkept?\t1\n" + line), message("c"))
                self.assertEqual(w.until_ready(), ["G", "E:" + code, "Z:I"], line)
            self.assertEqual(w.ask(query("copy c from stdin"), message("f", zero("no more"))), ["G", "E:57014", "Z:I"])
            self.assertEqual(w.sql("select count(*) from c")[1], "D:1000")
            w.send(query("copy (select a, b from c where a < 2 order by a) to stdout (format csv, header)"))
            out = b"".join(body for kind, body in iter(w.receive, ("Z", b"I")) if kind == "d")
            self.assertEqual(out, b"a,b\n0,row 0\n1,row 1\n")
            w.send(query("begin"))
            self.assertEqual(w.until_ready(), ["C:BEGIN", "Z:T"])
            self.assertEqual(w.ask(query("copy c (a) from stdin csv"), message("d", b"9000\n"), message("c")),
                             ["G", "C:COPY 1", "Z:T"])
            self.assertEqual(w.sql("rollback"), ["C:ROLLBACK", "Z:I"])
            self.assertEqual(w.sql("select count(*) from c")[1], "D:1000")
            self.assertEqual(w.sql("copy c to '/a/file'"), ["E:0A000", "Z:I"])

    def test_an_endless_copy_line_is_refused_in_bounded_memory(self):
        before = self.node.resident_bytes()
        with Wire(self.pg) as w:
            w.sql("create table e (a text)")
            w.send(query("copy e from stdin"))
            self.assertEqual(w.receive()[0], "G")
            chunk = message("d", b"x" * (1 << 20))
            for _ in range(40):
                w.send(chunk)
            self.assertEqual(w.ask(message("c")), ["E:54000", "Z:I"])
        self.assertLess(self.node.resident_bytes() - before, 200 << 20)

    def test_cancel(self):
        with Wire(self.pg) as w, Wire(self.pg) as holder:
            holder.sql("begin")
            holder.sql("update t set v = 'held' where id = 1")
            w.send(query("update t set v = 'x' where id = 1"))
            with Wire(self.pg, start=False) as other:  # a wrong key does nothing
                other.send(wire.startup(wire.CANCEL_REQUEST, struct.pack("!iI", w.key[0], w.key[1] ^ 1)))
                self.assertEqual(other.closed(), [])
            w.socket.settimeout(0.3)
            with self.assertRaises(TimeoutError):
                w.receive()
            w.socket.settimeout(30)
            with Wire(self.pg, start=False) as other:
                other.send(wire.startup(wire.CANCEL_REQUEST, struct.pack("!iI", *w.key)))
                self.assertEqual(other.closed(), [])
            self.assertEqual(w.until_ready(), ["E:57014", "Z:I"])
            self.assertEqual(holder.sql("rollback"), ["C:ROLLBACK", "Z:I"])
            self.assertEqual(w.sql("select 1")[-1], "Z:I")

    def test_a_client_that_leaves_gives_its_locks_back(self):
        with Wire(self.pg) as w:
            w.sql("begin")
            w.sql("update t set v = 'left' where id = 2")
        with Wire(self.pg) as other:
            other.sql("set statement_timeout = '20s'")
            self.assertEqual(other.sql("update t set v = 'two' where id = 2"), ["C:UPDATE 1", "Z:I"])

    def test_timeouts(self):
        with Wire(self.pg) as w, Wire(self.pg) as holder:
            holder.sql("begin")
            holder.sql("update t set v = 'held' where id = 3")
            w.sql("set statement_timeout = 200")
            self.assertEqual(w.sql("update t set v = 'x' where id = 3"), ["E:57014", "Z:I"])
            holder.sql("rollback")
            w.sql("reset statement_timeout")
            w.sql("set idle_in_transaction_session_timeout = 100")
            w.sql("begin")
            w.sql("update t set v = 'idle' where id = 3")
            # It waits for the lock until the block has ended: asking the block would be no idleness.
            self.assertEqual(holder.sql("update t set v = 'free' where id = 3"), ["C:UPDATE 1", "Z:I"])
            kind, body = w.receive()
            self.assertEqual(kind, "E")
            self.assertIn(b"C25P03", body)
            with self.assertRaises(EOFError):  # as PostgreSQL's, it ends the connection
                w.receive()

    def test_a_slow_reader_does_not_fill_the_server(self):
        with Wire(self.pg) as w:
            w.sql("create table big (id bigint primary key, v text)")
            for i in range(40):
                w.sql(f"insert into big values ({i}, repeat('x', 1000000))")
        before = self.node.resident_bytes()
        wires = [Wire(self.pg) for _ in range(10)]
        for w in wires:
            w.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            w.send(query("select * from big"))
        for w in wires:
            w.receive()  # the first row is under way
        self.assertLess(self.node.resident_bytes() - before, 400 << 20)
        self.assertEqual(sum(1 for word in wires[0].until_ready() if word.startswith("D:")), 40)
        for w in wires:
            w.socket.close()

    def test_a_client_that_only_sends_is_read_no_further(self):
        before = self.node.resident_bytes()
        with Wire(self.pg) as w, Wire(self.pg) as other:
            w.ask(parse("select 'x' as " + "n" * 60, "s"), wire.SYNC)
            part = describe("S", "s") * 10_000 + wire.SYNC
            w.socket.settimeout(2)
            sent = 0
            with self.assertRaises(TimeoutError):
                while sent < 400 << 20:
                    sent += w.socket.send(part)
            self.assertLess(self.node.resident_bytes() - before, 50 << 20)
            self.assertEqual(other.sql("select 1")[1], "D:1")
            w.socket.settimeout(30)
            w.receive()  # what was asked for is answered to who reads

    def test_thousands_of_idle_connections(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        count = min(2000, hard // 2 - 100)
        before = self.node.resident_bytes()
        wires = []
        try:
            for _ in range(count):
                wires.append(Wire(self.pg))
            each = (self.node.resident_bytes() - before) / count
            print(f"{count} idle connections: {each / 1024:.1f} KiB of resident memory each")
            self.assertLess(each, 64 << 10)
            self.assertEqual(wires[count // 2].sql("select 1")[1], "D:1")
        finally:
            for w in wires:
                w.socket.close()

    def test_silent_strangers_are_sent_away(self):
        with Wire(self.pg, start=False) as w:
            self.assertEqual(w.closed(), [])  # after ten seconds

    def test_the_other_door_has_no_copy(self):
        done = run("sql", "--target", self.node.grpc, "-e", "copy t to stdout")
        self.assertIn("0A000", done.stdout + done.stderr)

    def test_stopping(self):
        with Universe(flags=["--regions", "1"]) as universe:
            node = universe.nodes[0]
            idle, busy = Wire(node.pg), Wire(node.pg)
            busy.sql("create table t (id bigint primary key)")
            node.signal(15)
            [(kind, body)] = idle.closed()
            self.assertEqual((kind, wire.fields(body)["C"]), ("E", "57P01"))
            self.assertEqual(node.wait(40), 0)


if __name__ == "__main__":
    unittest.main()
