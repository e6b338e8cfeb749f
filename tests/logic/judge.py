# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL server of our own on a free port, where one is installed: the judge of answers."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile


def find():
    """The folder of its programs, or None."""
    for folder in sorted(pathlib.Path("/usr/lib/postgresql").glob("15/bin")):
        if (folder / "initdb").exists():
            return folder
    return None


class Judge:
    """`with Judge() as j: j.address`. Ends with the block; keeps nothing, syncs nothing."""

    def __init__(self):
        self.bin = find()
        if self.bin is None:
            raise FileNotFoundError("PostgreSQL 15 is not installed: postgresql-15 of Debian")
        self.process = None
        # It refuses to run as root, whose own folders another user may not enter.
        self.user = "postgres" if os.geteuid() == 0 else None
        self.root = tempfile.mkdtemp(prefix="judge-", dir=None if self.user else os.environ.get("TEST_TMPDIR"))
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.root, entry.pw_uid, entry.pw_gid)
            os.chmod(self.root, 0o755)

    def _options(self):
        more = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        return {"cwd": self.root, "env": {"LC_ALL": "C", "PATH": f"{self.bin}:/usr/bin:/bin"}, **more}

    def __enter__(self):
        data = os.path.join(self.root, "data")
        subprocess.run([self.bin / "initdb", "-D", data, "-U", "me", "-A", "trust", "--no-locale", "-E", "UTF8"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       **self._options())
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        with open(os.path.join(self.root, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [self.bin / "postgres", "-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1",
                 "-c", f"unix_socket_directories={self.root}", "-c", "fsync=off", "-c", "timezone=UTC",
                 "-c", "shared_buffers=64MB"], stdout=log, stderr=log, **self._options())
        ready = [self.bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
        for _ in range(600):
            if subprocess.run(ready, check=False).returncode == 0:
                break
            try:
                self.process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(pathlib.Path(self.root, "log").read_text())
        subprocess.run([self.bin / "psql", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "me", "-d", "postgres", "-c",
                        "create database isochron"], check=True)
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.terminate()  # an orderly end, of what has clients too: they are ours
            self.process.send_signal(2)
            self.process.wait(30)
        shutil.rmtree(self.root, ignore_errors=True)
