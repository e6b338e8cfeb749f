# SPDX-License-Identifier: Apache-2.0
"""TLS at the PostgreSQL door: who may come in how, what is seen on the way, and certificates that are renewed."""

import shutil
import socket
import ssl
import struct
import subprocess
import unittest

import wire
from lone_node import LoneNodeTest, outer_address
from universe import await_state, clean_environment, program, run
from wire import Wire

try:
    import psycopg2
except ImportError:
    psycopg2 = None


class Encrypted(Wire):
    """A connection that asks for TLS first, believing only `ca`."""

    def __init__(self, address, ca, start=True):
        super().__init__(address, start=False)
        self.send(wire.startup(wire.SSL_REQUEST))
        if self.take(1) != b"S":
            raise ConnectionError("no TLS here")
        context = ssl.create_default_context(cafile=ca)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        if start:
            self.send(self.hello())
            self.until_ready()


@unittest.skipIf(shutil.which("openssl") is None, "openssl is not installed: openssl of Debian")
class TlsTest(LoneNodeTest):
    def make_pair(self, name="node"):
        """A certificate for localhost that is its own authority, in NAME.crt and NAME.key."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", self.root / f"{name}.key", "-out", self.root / f"{name}.crt"],
                       check=True, capture_output=True)
        return f"--pg-tls-cert={self.root}/{name}.crt", f"--pg-tls-key={self.root}/{name}.key"

    def users(self):
        made = run("config", "pg-user", "ada", stdin="pencil\n")
        (self.root / "users").write_text(made.stdout)
        return f"--pg-users={self.root}/users"

    def test_statements_and_large_results_go_through(self):
        port = self.node(*self.make_pair())
        with Encrypted(f"localhost:{port}", self.root / "node.crt") as w:
            self.assertEqual(w.socket.version(), "TLSv1.3")
            self.assertEqual(w.sql("select 1")[1], "D:1")
            big = w.sql("select repeat('x', 3000000)")[1]
            self.assertEqual(len(big), 3_000_002)
            self.assertEqual(w.sql("select length('" + "y" * 1_000_000 + "')")[1], "D:1000000")
        # Without it too, from this machine; and GSS is none of ours.
        with Wire(f"localhost:{port}") as w:
            self.assertEqual(w.sql("select 1")[1], "D:1")
        with Wire(f"localhost:{port}", start=False) as w:
            w.send(wire.startup(wire.GSS_REQUEST))
            self.assertEqual(w.take(1), b"N")
            w.send(wire.startup(wire.SSL_REQUEST))
            self.assertEqual(w.take(1), b"S")

    def test_a_cancel_over_tls(self):
        port = self.node(*self.make_pair())
        with Encrypted(f"localhost:{port}", self.root / "node.crt") as w:
            w.send(wire.query("select count(*) from generate_series(1, 1000000000)"))
            with Encrypted(f"localhost:{port}", self.root / "node.crt", start=False) as c:
                c.send(wire.startup(wire.CANCEL_REQUEST, struct.pack("!iI", *w.key)))
            self.assertIn("E:57014", w.until_ready())

    @unittest.skipIf(shutil.which("psql") is None, "psql is not installed: postgresql-client-15 of Debian")
    def test_psql_and_its_ssl_modes(self):
        port = self.node(*self.make_pair(), self.users())
        self.make_pair("another")

        def psql(ca, mode, binding="prefer", host="localhost"):
            return subprocess.run(
                ["psql", "-X", "-w", "-At", "-c", "select 1 + 1"], capture_output=True, text=True, timeout=60,
                env={**clean_environment(), "PGHOST": host, "PGPORT": str(port), "PGUSER": "ada", "PGSSLMODE": mode,
                     "PGDATABASE": "isochron", "PGPASSWORD": "pencil", "PGSSLROOTCERT": str(self.root / ca),
                     "PGCHANNELBINDING": binding}, check=False)

        for mode in ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"):
            done = psql("node.crt", mode)
            self.assertEqual((done.returncode, done.stdout), (0, "2\n"), mode + done.stderr)
        # Bound to the channel, by a client that insists.
        self.assertEqual(psql("node.crt", "verify-full", "require").stdout, "2\n")
        self.assertEqual(psql("node.crt", "disable", "require").returncode, 2)
        self.assertEqual(psql("another.crt", "verify-ca").returncode, 2)
        host = outer_address()
        if host is None:
            self.skipTest("this machine has no address but loopback")
        self.assertEqual(psql("node.crt", "require", host=host).stdout, "2\n")
        done = psql("node.crt", "disable", host=host)
        self.assertEqual(done.returncode, 2)
        self.assertIn("clients of other machines must encrypt their connections", done.stderr)

    @unittest.skipIf(psycopg2 is None, "psycopg2 is not installed: python3-psycopg2 of Debian")
    def test_a_driver_verifies(self):
        port = self.node(*self.make_pair(), self.users())
        connection = psycopg2.connect(host="localhost", port=port, user="ada", password="pencil", dbname="isochron",
                                      sslmode="verify-full", sslrootcert=str(self.root / "node.crt"))
        with connection, connection.cursor() as c:
            c.execute("select 1")
            self.assertEqual(c.fetchone(), (1,))
        connection.close()

    def test_what_is_no_tls_ends_alone(self):
        port = self.node(*self.make_pair())
        ca = self.root / "node.crt"
        with Encrypted(f"localhost:{port}", ca) as good:
            for said in (b"\0" * 5000, b"\x16\x03\x01\xff\xff" + b"x" * 70_000, wire.query("select 1"), b"\x15"):
                with socket.create_connection(("localhost", port), timeout=30) as s:
                    s.sendall(wire.startup(wire.SSL_REQUEST))
                    self.assertEqual(s.recv(1), b"S")
                    self.ends(s, said)
            # What is said in the clear behind the request is not taken for said under TLS.
            with Wire(f"localhost:{port}", start=False) as w:
                w.send(wire.startup(wire.SSL_REQUEST) + Wire.hello())
                self.assertEqual(wire.fields(w.closed()[-1][1])["C"], "08P01")
            # Half a handshake, then nothing: others do not wait for it.
            with socket.create_connection(("localhost", port), timeout=30) as s:
                s.sendall(wire.startup(wire.SSL_REQUEST))
                s.sendall(b"\x16\x03\x01")
                self.assertEqual(good.sql("select 1")[1], "D:1")

    @staticmethod
    def ends(s, said):
        """Says it, and waits until the server has closed."""
        try:
            s.sendall(said)
            s.shutdown(socket.SHUT_WR)
            while s.recv(1 << 16):
                pass
        except OSError:
            pass  # closed before all was said

    def test_a_renewed_certificate(self):
        port = self.node(*self.make_pair())
        self.make_pair("next")
        with Encrypted(f"localhost:{port}", self.root / "node.crt") as before:
            for end in ("key", "crt"):
                (self.root / f"next.{end}").replace(self.root / f"node.{end}")

            def shows_the_new_one():
                try:
                    Encrypted(f"localhost:{port}", self.root / "node.crt").socket.close()
                    return True
                except ssl.SSLCertVerificationError:
                    return False

            await_state("the new certificate is shown", 30, shows_the_new_one)
            self.assertEqual(before.sql("select 1")[1], "D:1")

    def test_files_that_cannot_be_used(self):
        certificate, key = self.make_pair()
        for flags, said in (((certificate,), "--pg-tls-key"), ((certificate, "--pg-tls-key=/nowhere"), "/nowhere"),
                            ((f"--pg-tls-cert={self.root}/node.key", key), "certificate")):
            done = subprocess.run([program(), "start", f"--data={self.root}/data", "--node=1", "--clock=fixed:1ms",
                                   "--peers=1=127.0.0.1:1/here/a", *flags], capture_output=True, text=True, timeout=60,
                                  env=clean_environment(), check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(said, done.stderr)


if __name__ == "__main__":
    unittest.main()
