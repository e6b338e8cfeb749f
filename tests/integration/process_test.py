# SPDX-License-Identifier: Apache-2.0
"""Bad ways to start a process: a clear message and an exit status each, nothing lost.

`server/main/start_test.py` has what a lone node can show; here is what takes commands or a universe.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from universe import Universe, await_state, clean_environment, program, run, scratch


def is_running(process):
    try:
        return (process / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class CommandLine(unittest.TestCase):
    def rejects(self, status, *args, says=()):
        done = run(*args)
        self.assertEqual(done.returncode, status, done.stderr + done.stdout)
        for word in says:
            self.assertIn(word, done.stderr)
        self.assertNotIn("terminate called", done.stderr)

    def test_unknown_flags_name_the_nearest(self):
        self.rejects(2, "start", "--bootstarp", says=["--bootstarp", "--bootstrap"])
        self.rejects(2, "demo", "--detatch", says=["--detatch", "--detach"])
        self.rejects(2, "sql", "--tarket", "x:1", says=["--tarket", "--target"])
        self.rejects(2, "sim", "--sed", "1", says=["sed", "seed"])
        self.rejects(2, "bench", "kv", "--client", "1", says=["--client", "--clients"])

    def test_unknown_command(self):
        self.rejects(2, "strat", says=["strat", "start"])
        self.rejects(2, "bench", "bnak", "--target", "127.0.0.1:1", says=["bnak", "bank"])

    def test_bad_values(self):
        self.rejects(2, "demo", "--regions", "0", says=["--regions"])
        self.rejects(2, "demo", "--regions", "three", says=["--regions"])
        self.rejects(2, "demo", "--detach", says=["--data"])
        self.rejects(2, "start", "--clock", "sundial", says=["--clock"])

    def test_stop_where_nothing_runs(self):
        with tempfile.TemporaryDirectory() as empty:
            self.rejects(1, "demo", "--stop", "--data", empty, says=["no demo", empty])

    def test_folder_that_cannot_be_written(self):
        self.rejects(1, "demo", "--detach", "--data", "/proc/isochron", says=["/proc/isochron"])

    def test_config_check(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "a.yaml")
            file.write_text("data: x\nleese: 3s\n")
            self.rejects(1, "config", "check", str(file), says=["leese", "lease"])
            file.write_text("data: x\nlease: 3s\n")
            self.assertEqual(run("config", "check", str(file)).returncode, 0)


class Folders(unittest.TestCase):
    def test_wiped_folder_is_refused(self):
        """A voter that forgot everything must not vote; the others go on, and its old folder is good again."""
        with Universe() as universe:
            universe.nodes[0].sql("CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (1)")
            lost, other = universe.nodes[2], universe.nodes[0]
            lost.kill()
            kept = lost.data + ".kept"
            os.rename(lost.data, kept)
            lost.restart()
            self.assertEqual(lost.wait(30), 1)
            log = pathlib.Path(lost.log_file()).read_text()
            self.assertIn("a replica that lost its folder must not vote again", log)
            await_state("writes go on", 20, lambda: other.sql("INSERT INTO t VALUES (2)", 10))
            shutil.rmtree(lost.data, ignore_errors=True)
            os.rename(kept, lost.data)
            lost.restart()
            await_state("the node serves", 40, lambda: lost.value("SELECT count(*) FROM t", 10) == "2")

    def test_nodes_end_with_their_demo(self):
        """Even with one that was killed: nothing is left running behind."""
        folder = scratch()
        demo = subprocess.Popen([program(), "demo", "--no-wan", "--data", folder], stdin=subprocess.PIPE,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                env={**clean_environment(), "TMPDIR": folder})
        with demo:
            lines = [demo.stderr.readline() for _ in range(4)]
            self.assertIn("node 3", lines[-1])
            nodes = json.loads(pathlib.Path(folder, "demo.json").read_text())["nodes"]
            running = [pathlib.Path("/proc", str(n["pid"])) for n in nodes]
            self.assertTrue(all(p.exists() for p in running))
            demo.kill()
        await_state("the nodes end", 30, lambda: not any(is_running(p) for p in running))

    def test_second_process_on_a_folder(self):
        with Universe(flags=["--regions", "1"]) as universe:
            node = universe.nodes[0]
            node.sql("CREATE TABLE t (id bigint PRIMARY KEY); INSERT INTO t VALUES (1)")
            twin = [w.replace(node.grpc, "127.0.0.1:0") for w in node.command]
            twin[twin.index("--listen-peers") + 1] = "127.0.0.1:0"
            done = run(*twin)
            self.assertEqual(done.returncode, 1)
            self.assertIn("in use by another process", done.stderr)
            done = run("demo", "--detach", "--data", universe.data)
            self.assertEqual(done.returncode, 1)
            self.assertIn("already running", done.stderr)
            self.assertEqual(node.value("SELECT count(*) FROM t"), "1")
            # A demo's folder keeps its shape.
            node.signal(signal.SIGTERM)
            self.assertEqual(node.wait(30), 0)
            done = run("demo", "--detach", "--regions", "3", "--data", universe.data)
            self.assertEqual(done.returncode, 2)
            self.assertIn("holds the data of a demo of 1 nodes", done.stderr)
            self.assertEqual(json.loads(pathlib.Path(universe.data, "demo.json").read_text())["nodes"][0]["node"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
