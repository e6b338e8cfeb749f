# SPDX-License-Identifier: Apache-2.0
"""TPC-C's transactions agree with PostgreSQL one by one, and keep its consistency conditions when many clients run them."""

import sys
import threading
import unittest

try:
    import psycopg2
    import tpcc
except ImportError:
    psycopg2 = None
import judge
from universe import Universe

ONE_CLIENT, MANY_CLIENTS, EACH = 200, 8, 40


def connect(address):
    host, port = address.rsplit(":", 1)
    connection = psycopg2.connect(host=host, port=port, user="me", dbname="isochron")
    connection.set_session(isolation_level="SERIALIZABLE")
    return connection


@unittest.skipIf(psycopg2 is None, "psycopg2 is not installed: python3-psycopg2 of Debian")
class TpccTest(unittest.TestCase):
    @unittest.skipIf(judge.find() is None, "PostgreSQL 15 is not installed: postgresql-15 of Debian")
    def test_one_client_gets_the_answers_of_postgresql(self):
        with judge.Judge() as j, Universe(flags=["--regions", "1"]) as universe:
            seen = []
            for address in (j.address, universe.nodes[0].pg):
                connection = connect(address)
                tpcc.load(connection, warehouses=2)
                terminal = tpcc.Terminal(connect(address), warehouses=2, home=1, seed=7)
                results = [terminal.run() for _ in range(ONE_CLIENT)]
                seen.append((results, tpcc.contents(connection)))
                self.assertEqual(tpcc.broken(connection), [])
            for theirs, ours in zip(*seen[0:2]):
                self.assertEqual(theirs, ours)

    def test_many_clients_keep_the_conditions(self):
        with Universe() as universe:
            tpcc.load(connect(universe.nodes[0].pg), warehouses=2)
            failed, terminals = [], []

            def client(number):
                try:
                    node = universe.nodes[number % len(universe.nodes)]
                    terminal = tpcc.Terminal(connect(node.pg), warehouses=2, home=number % 2 + 1, seed=number)
                    terminals.append(terminal)
                    for _ in range(EACH):
                        terminal.run()
                except Exception as error:  # told to the test, which fails
                    failed.append(error)

            threads = [threading.Thread(target=client, args=(n,)) for n in range(MANY_CLIENTS)]
            for t in threads:
                t.start()
            looks = 0
            while any(t.is_alive() for t in threads):
                self.assertEqual(tpcc.broken(connect(universe.nodes[looks % 3].pg)), [])
                looks += 1
            for t in threads:
                t.join()
            self.assertEqual(failed, [])
            self.assertEqual(tpcc.broken(connect(universe.nodes[0].pg)), [])
            done = sum(sum(t.done.values()) for t in terminals)
            self.assertEqual(done, MANY_CLIENTS * EACH)
            print(f"{done} transactions, {sum(t.again for t in terminals)} run again after 40001, {looks} looks",
                  file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
