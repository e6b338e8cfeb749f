#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule of the linter is seen to fail on a bad sample and to pass on the good one beside it."""

import pathlib
import shutil
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE))
import sql_errors
import text_rules
import tree_rules
from project import File

SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
NOTE = "TO" + "DO"
REAL_GROUPS = File("BUILD.bazel", (HERE.parents[1] / "BUILD.bazel").read_text())


def findings(rule, path, text):
    return list(rule(File(path, text)))


class TextRules(unittest.TestCase):
    def rejects(self, rule, path, text):
        self.assertTrue(findings(rule, path, text), f"{rule.__name__} let through: {path}: {text!r}")

    def accepts(self, rule, path, text):
        self.assertEqual(findings(rule, path, text), [], f"{path}: {text!r}")

    def test_spdx(self):
        self.accepts(text_rules.spdx, "common/a.h", SPDX + "x")
        self.accepts(text_rules.spdx, "dev", "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\n")
        self.accepts(text_rules.spdx, "README.md", "# Title")
        self.rejects(text_rules.spdx, "common/a.h", "x\n" + SPDX)
        self.rejects(text_rules.spdx, "proto/a.proto", "syntax")
        self.rejects(text_rules.spdx, "common/BUILD.bazel", "cc_library()")
        self.rejects(text_rules.spdx, "dev", "#!/bin/bash\necho\n")
        self.rejects(text_rules.spdx, "common/empty.cc", "")

    def test_banned_calls(self):
        for call in (
            "auto t = std::chrono::steady_clock::now();", "absl::Now();", "x = time(nullptr);", "::time(0)",
            "gettimeofday(&tv, 0);", "clock_gettime(CLOCK_REALTIME, &ts);", "std::thread t;", "std::jthread t;",
            "std::this_thread::yield();", "usleep(1);", "sleep(1);", "absl::SleepFor(d);", "int x = rand();",
            "std::random_device d;", "getrandom(p, n, 0);", "absl::BitGen g;", "std::async(f);",
        ):
            self.rejects(text_rules.banned_calls, "paxos/core/a.cc", call)
            self.rejects(text_rules.banned_calls, "server/rpc/a.cc", call)
            self.accepts(text_rules.banned_calls, "server/runtime/a.cc", call)
            self.accepts(text_rules.banned_calls, "tests/faults/a.cc", call)
            self.accepts(text_rules.banned_calls, "paxos/core/a_test.cc", call)
            self.accepts(text_rules.banned_calls, "paxos/core/a.cc", "// " + call)
            self.accepts(text_rules.banned_calls, "paxos/core/a.cc", '"' + call + '"')
        for fine in ("truetime_.Now();", "commit_time(t)", "op.time(0)", "brand(x)", "operand();", "MonotonicNow()"):
            self.accepts(text_rules.banned_calls, "paxos/core/a.cc", fine)

    def test_exceptions_are_granted_only_outside_the_simulated_rooms(self):
        line = "auto t = absl::Now();  // lint: allow(clock): the user's own clock on the prompt\n"
        before = "// lint: allow(clock): the prompt shows it\nauto t = absl::Now();\n"
        self.accepts(text_rules.banned_calls, "shell/a.cc", line)
        self.accepts(text_rules.banned_calls, "shell/a.cc", before)
        self.rejects(text_rules.banned_calls, "shell/a.cc", "absl::Now();  // lint: allow(clock)\n")
        self.rejects(text_rules.banned_calls, "shell/a.cc", "absl::Now();  // lint: allow(sleep): no\n")
        self.rejects(text_rules.banned_calls, "txn/lock/a.cc", line)

    def test_hash_maps(self):
        self.rejects(text_rules.hash_maps, "txn/a.h", "std::unordered_map<int, int> m_;")
        self.rejects(text_rules.hash_maps, "txn/a.h", "absl::flat_hash_set<int> s_;")
        self.accepts(text_rules.hash_maps, "txn/a.h", "absl::flat_hash_set<int> s_;  // lint: no iteration")
        self.accepts(text_rules.hash_maps, "txn/a.h", "// lint: no iteration\nabsl::flat_hash_set<int> s_;")
        self.accepts(text_rules.hash_maps, "txn/a.h", "std::map<int, int> m_;")
        self.accepts(text_rules.hash_maps, "txn/a_test.cc", "std::unordered_map<int, int> m_;")

    def test_sizes(self):
        self.rejects(text_rules.sizes, "txn/a.h", "x\n" * 401)
        self.accepts(text_rules.sizes, "txn/a.h", "x\n" * 400)
        self.rejects(text_rules.sizes, "txn/a.cc", "x\n" * 801)
        self.accepts(text_rules.sizes, "txn/a_test.cc", "x\n" * 801)
        self.rejects(text_rules.sizes, "txn/a_test.cc", "x\n" * 1001)
        self.rejects(text_rules.sizes, "tools/a.py", "x\n" * 801)
        self.accepts(text_rules.sizes, "tests/a/b.out", "x\n" * 5000)
        self.rejects(text_rules.sizes, "tests/a/b.out", "x\n" * 5001)
        self.rejects(text_rules.sizes, "tests/a/b.sql", "x\n" * 1001)
        self.assertEqual(text_rules.over_the_aim(File("txn/a.h", "x\n" * 201)), (201, 200))
        self.assertIsNone(text_rules.over_the_aim(File("txn/a.h", "x\n" * 200)))

    def test_words(self):
        self.rejects(text_rules.words, "txn/a.h", f"// {NOTE}: later")
        self.rejects(text_rules.words, "README.md", f"{NOTE}(me)")
        self.accepts(text_rules.words, "txn/a.h", "// the reader's to-do list; " + NOTE.lower())

    def test_machine_paths(self):
        for top in ("home", "root", "Users"):
            self.rejects(text_rules.machine_paths, "dev", f"cd /{top}/me")
        self.accepts(text_rules.machine_paths, "dev", "/usr/bin/protoc /etc/x $HOME/work/x a/home/b")

    def test_hidden_tests(self):
        self.rejects(text_rules.hidden_tests, "txn/a_test.cc", "TEST(A, DISABLED_B) {")
        self.rejects(text_rules.hidden_tests, "txn/a_test.cc", "GTEST_SKIP();")
        self.accepts(text_rules.hidden_tests, "txn/a_test.cc", 'GTEST_SKIP() << "no chronyd";')


class TreeRules(unittest.TestCase):
    def layers(self, path, text):
        return list(tree_rules.layers([REAL_GROUPS, File(path, text)], None))

    def test_the_groups_themselves(self):
        self.assertEqual(self.layers("common/a.h", SPDX), [])
        opened = REAL_GROUPS.text.replace('name = "paxos_users",\n    packages = [',
                                          'name = "paxos_users",\n    packages = [\n        "//storage/...",')
        self.assertNotEqual(opened, REAL_GROUPS.text)
        self.assertTrue(list(tree_rules.layers([File("BUILD.bazel", opened)], None)))
        self.assertTrue(list(tree_rules.layers([File("BUILD.bazel", ""), File("sql/a.h", SPDX)], None)))

    def test_edges(self):
        bad = [
            ("paxos/core", "storage/mvcc"), ("storage/mvcc", "truetime"), ("tablet/group", "txn/lock"),
            ("txn/gateway", "sql/exec"), ("sql/exec", "server/rpc"), ("client", "server/rpc"), ("shell", "sql/parser"),
            ("common", "paxos/core"), ("server/rpc", "sim"), ("placement", "txn/lock"), ("txn/lock", "placement"),
            ("server/rpc", "client"), ("paxos/core", "tests/faults"),
        ]
        good = [
            ("paxos/core", "common"), ("tablet/group", "paxos/core"), ("sql/exec", "txn/gateway"), ("server/main", "sim"),
            ("server/main", "shell"), ("sim", "server/rpc"), ("tests/faults", "bench"), ("shell", "client"),
            ("server/rpc", "placement"), ("placement", "txn/api"), ("sql/exec", "sql/parser"), ("client", "proto"),
        ]
        for pairs, wanted in ((bad, 1), (good, 0)):
            for user, used in pairs:
                for path, text in (
                    (f"{user}/BUILD.bazel", f'    deps = ["//{used}:x"],\n'),
                    (f"{user}/BUILD.bazel", f'    deps = ["//{used}"],\n'),
                    (f"{user}/a.cc", f'#include "{used}/x.h"\n'),
                    (f"{user}/a.proto", f'import "{used}/x.proto";\n'),
                ):
                    self.assertEqual(len(self.layers(path, text)), wanted, f"{path}: {text}")

    def test_layers_in_comments_and_visibility(self):
        self.assertEqual(self.layers("paxos/BUILD.bazel", '# "//storage:x"\n'), [])
        self.assertEqual(self.layers("paxos/a.cc", '// #include "storage/x.h"\n'), [])
        self.assertEqual(self.layers("paxos/BUILD.bazel", 'visibility = ["//tablet:__subpackages__"]\n'), [])
        self.assertEqual(self.layers("paxos/BUILD.bazel", 'visibility = ["//:paxos_users"]\n'), [])
        self.assertTrue(self.layers("paxos/BUILD.bazel", 'visibility = ["//visibility:public"]\n'))

    def test_orphans(self):
        build = File("txn/BUILD.bazel", 'srcs = ["a.cc", "sub/b.cc"]')
        for path, wanted in (("txn/a.cc", 0), ("txn/sub/b.cc", 0), ("txn/c_test.cc", 1), ("sql/a.cc", 1)):
            self.assertEqual(len(list(tree_rules.orphans([build, File(path, "")], None))), wanted, path)

    def test_manual_targets(self):
        self.assertTrue(list(tree_rules.manual_targets([File("txn/BUILD.bazel", 'tags = ["manual"]')], None)))
        self.assertFalse(list(tree_rules.manual_targets([File("txn/BUILD.bazel", 'tags = ["extended"]')], None)))
        self.assertTrue(list(tree_rules.manual_targets([File("txn/BUILD.bazel", 'tags = ["sim",\n"long"]')], None)))
        self.assertFalse(list(tree_rules.manual_targets([File("txn/BUILD.bazel", 'timeout = "long"')], None)))

    def test_empty_folders(self):
        with tempfile.TemporaryDirectory() as root:
            pathlib.Path(root, "a", "b").mkdir(parents=True)
            self.assertTrue(list(tree_rules.empty_folders([], root)))
            pathlib.Path(root, "a", "b", "c").write_text("")
            self.assertFalse(list(tree_rules.empty_folders([], root)))
            self.assertTrue(list(tree_rules.empty_folders([File("a/.gitkeep", "")], root)))

    def test_formatting(self):
        with tempfile.TemporaryDirectory() as root:
            shutil.copy(HERE.parents[1] / ".clang-format", root)
            pathlib.Path(root, "good.cc").write_text("int main() { return 0; }\n")
            pathlib.Path(root, "bad.cc").write_text("int main( ) {return 0;}\n")
            self.assertFalse(list(tree_rules.formatting([File("good.cc", "")], root)))
            self.assertEqual([f.path for f in tree_rules.formatting([File("good.cc", ""), File("bad.cc", "")], root)], ["bad.cc"])


class Reached(unittest.TestCase):
    def test_every_branch_is_promised_or_excused(self):
        vacuity = File("sim/universe/vacuity.cc", '    {"a.known", 5},\n    {"a.excused", "why"},\n')

        def broken(path, text):
            return [f.message for f in tree_rules.reached([vacuity, File(path, text)], None)]

        self.assertEqual(broken("a/b.cc", 'o->Reached("a.known"); o->Reached(x ? "a.known" : "a.excused");'), [])
        self.assertEqual(broken("a/b_test.cc", 'o->Reached("a.new");'), [])
        self.assertEqual(len(broken("a/b.cc", 'o->Reached("a.new");')), 1)
        self.assertEqual(len(broken("a/b.cc", 'o->Reached(x ? "a.known"\n : "a.new");')), 1)


class SqlStates(unittest.TestCase):
    def broken(self, *files):
        return [f.message for f in sql_errors.sql_states(files, None)]

    def test_all_are_described_and_the_page_is_of_today(self):
        all_given = File("sql/a.cc", " ".join(f'"{state}"' for state in sql_errors.STATES))
        page = File(sql_errors.PAGE, sql_errors.page(sql_errors.STATES))
        self.assertEqual(self.broken(all_given, page), [])
        self.assertEqual(self.broken(all_given, page, File("sql/b_test.cc", '"42XYZ"'), File("sql/b.cc", '"PT36H"')), [])
        self.assertEqual(len(self.broken(all_given, page, File("server/rpc/b.cc", 'f("42XYZ")'))), 1)
        self.assertEqual(len(self.broken(all_given, File(sql_errors.PAGE, page.text + "more"))), 1)
        one_less = File("sql/a.cc", all_given.text.replace('"40001"', ""))
        self.assertEqual(len(self.broken(one_less, page)), 2)


if __name__ == "__main__":
    unittest.main()
