# SPDX-License-Identifier: Apache-2.0
"""TPC-H's 22 questions over split tables give the answers that PostgreSQL 15 gave (`tpch.py --write`)."""

import unittest

import tpch
from logic import Server
from universe import Universe

SCALE = 0.01


class TpchTest(unittest.TestCase):
    def test_all_questions(self):
        expected, number = {}, None
        for line in tpch.answers(SCALE).read_text().splitlines():
            if line.startswith("Q") and line[1:].isdigit():
                number = int(line[1:])
                expected[number] = []
            else:
                expected[number].append(line)
        self.assertEqual(list(expected), list(tpch.QUERIES))
        with Universe(flags=["--regions", "1"]) as universe:
            server = Server(universe.nodes[0].pg)
            tpch.load(server, SCALE, tpch.splits(SCALE))
            for number, query in tpch.QUERIES.items():
                with self.subTest(question=number):
                    self.assertEqual(server.ask(query), expected[number], server.messages)


if __name__ == "__main__":
    unittest.main()
