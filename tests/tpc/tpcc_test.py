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

    def test_every_condition_notices(self):
        harm = {"1": "UPDATE district SET d_ytd = d_ytd + 1 WHERE d_w_id = 1 AND d_id = 3",
                "2": "UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = 1 AND d_id = 3",
                "3": "DELETE FROM new_order WHERE no_w_id = 1 AND no_d_id = 3 AND no_o_id = 25",
                "4": "UPDATE orders SET o_ol_cnt = o_ol_cnt + 1 WHERE o_w_id = 1 AND o_d_id = 3 AND o_id = 4",
                "5": "UPDATE orders SET o_carrier_id = NULL WHERE o_w_id = 1 AND o_d_id = 3 AND o_id = 4",
                "6": "DELETE FROM order_line WHERE ol_w_id = 1 AND ol_d_id = 3 AND ol_o_id = 4 AND ol_number = 1",
                "7": "UPDATE order_line SET ol_delivery_d = NULL WHERE ol_w_id = 1 AND ol_d_id = 3 AND ol_o_id = 4",
                "8": "UPDATE warehouse SET w_ytd = w_ytd - 1 WHERE w_id = 1",
                "9": "DELETE FROM history WHERE h_w_id = 1 AND h_d_id = 3 AND h_c_id = 5",
                "12": "UPDATE customer SET c_balance = c_balance + 0.01 WHERE c_w_id = 1 AND c_d_id = 3 AND c_id = 5"}
        with Universe(flags=["--regions", "1"]) as universe:
            connection = connect(universe.nodes[0].pg)
            tpcc.load(connection, warehouses=1)
            connection.autocommit = False
            self.assertEqual([name.split(":")[0] for name in tpcc.CONDITIONS], list(harm))
            for number, statement in harm.items():
                with self.subTest(condition=number), connection.cursor() as cursor:
                    cursor.execute(statement)
                    self.assertIn(number, [name.split(":")[0] for name in tpcc.failing(cursor)])
                    connection.rollback()

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
