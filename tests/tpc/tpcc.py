# SPDX-License-Identifier: Apache-2.0
"""TPC-C over the wire, small: schema, loader, the five transactions, and the specification's consistency conditions.

Written against a DB-API connection (psycopg2). A transaction that ends in 40001 is run again with the same input, which
is all that a client of a serialisable database has to do. Times come from the input, so that one client's run gives the
same rows wherever it runs.
"""

import datetime
import random

import psycopg2

DISTRICTS, CUSTOMERS, ITEMS, ORDERS = 10, 30, 200, 30
LAST = ["BAR", "OUGHT", "ABLE", "PRI", "PRES", "ESE", "ANTI", "CALLY", "ATION", "EING"]
BEGIN = datetime.datetime(2024, 1, 1)

SCHEMA = """
CREATE TABLE warehouse (w_id int PRIMARY KEY, w_name varchar(10), w_street_1 varchar(20), w_city varchar(20),
  w_state char(2), w_zip char(9), w_tax numeric(4,4), w_ytd numeric(12,2));
CREATE TABLE district (d_w_id int, d_id int, d_name varchar(10), d_street_1 varchar(20), d_city varchar(20),
  d_state char(2), d_zip char(9), d_tax numeric(4,4), d_ytd numeric(12,2), d_next_o_id int,
  PRIMARY KEY (d_w_id, d_id));
CREATE TABLE customer (c_w_id int, c_d_id int, c_id int, c_first varchar(16), c_middle char(2), c_last varchar(16),
  c_phone char(16), c_since timestamp, c_credit char(2), c_credit_lim numeric(12,2), c_discount numeric(4,4),
  c_balance numeric(12,2), c_ytd_payment numeric(12,2), c_payment_cnt int, c_delivery_cnt int, c_data varchar(500),
  PRIMARY KEY (c_w_id, c_d_id, c_id));
CREATE TABLE history (h_c_id int, h_c_d_id int, h_c_w_id int, h_d_id int, h_w_id int, h_date timestamp,
  h_amount numeric(6,2), h_data varchar(24));
CREATE TABLE orders (o_w_id int, o_d_id int, o_id int, o_c_id int, o_entry_d timestamp, o_carrier_id int, o_ol_cnt int,
  o_all_local int, PRIMARY KEY (o_w_id, o_d_id, o_id));
CREATE TABLE new_order (no_w_id int, no_d_id int, no_o_id int, PRIMARY KEY (no_w_id, no_d_id, no_o_id));
CREATE TABLE order_line (ol_w_id int, ol_d_id int, ol_o_id int, ol_number int, ol_i_id int, ol_supply_w_id int,
  ol_delivery_d timestamp, ol_quantity int, ol_amount numeric(6,2), ol_dist_info char(24),
  PRIMARY KEY (ol_w_id, ol_d_id, ol_o_id, ol_number));
CREATE TABLE item (i_id int PRIMARY KEY, i_im_id int, i_name varchar(24), i_price numeric(5,2), i_data varchar(50));
CREATE TABLE stock (s_w_id int, s_i_id int, s_quantity int, s_dist char(24), s_ytd int, s_order_cnt int,
  s_remote_cnt int, s_data varchar(50), PRIMARY KEY (s_w_id, s_i_id));
CREATE INDEX customer_name ON customer (c_w_id, c_d_id, c_last, c_first);
CREATE INDEX orders_customer ON orders (o_w_id, o_d_id, o_c_id, o_id);
"""

TABLES = ["warehouse", "district", "customer", "history", "orders", "new_order", "order_line", "item", "stock"]


def last_name(number):
    return LAST[number // 100 % 10] + LAST[number // 10 % 10] + LAST[number % 10]


def insert(cursor, table, rows):
    rows = list(rows)
    for at in range(0, len(rows), 200):
        some = rows[at:at + 200]
        places = ", ".join("(" + ", ".join(["%s"] * len(some[0])) + ")" for _ in some)
        cursor.execute(f"INSERT INTO {table} VALUES {places}", [v for row in some for v in row])


def load(connection, warehouses, seed=1):
    r = random.Random(seed)
    connection.autocommit = True
    cursor = connection.cursor()
    for statement in SCHEMA.split(";"):
        if statement.strip():
            cursor.execute(statement)
    insert(cursor, "item", [(i, r.randint(1, 10_000), f"item {i}", f"{r.randint(100, 10_000) / 100:.2f}",
                             "ORIGINAL" if r.random() < 0.1 else "plain") for i in range(1, ITEMS + 1)])
    for w in range(1, warehouses + 1):
        ytd = 30_000 * DISTRICTS
        insert(cursor, "warehouse", [(w, f"w{w}", "street", "city", "ST", "123411111", "0.1000", f"{ytd}.00")])
        insert(cursor, "stock", [(w, i, r.randint(10, 100), f"dist {w}", 0, 0, 0, "plain")
                                 for i in range(1, ITEMS + 1)])
        for d in range(1, DISTRICTS + 1):
            load_district(cursor, r, w, d)


def load_district(cursor, r, w, d):
    insert(cursor, "district", [(w, d, f"d{d}", "street", "city", "ST", "123411111", "0.0500", "30000.00",
                                 ORDERS + 1)])
    insert(cursor, "customer", [
        (w, d, c, f"first{c % 7}", "OE", last_name(c - 1), f"{c:016d}", BEGIN, "BC" if r.random() < 0.1 else "GC",
         "50000.00", f"{r.randint(0, 5000) / 10_000:.4f}", "-10.00", "10.00", 1, 0, "data")
        for c in range(1, CUSTOMERS + 1)])
    insert(cursor, "history", [(c, d, w, d, w, BEGIN, "1000.00", "loaded") for c in range(1, CUSTOMERS + 1)])
    who = list(range(1, CUSTOMERS + 1))
    r.shuffle(who)
    delivered = ORDERS * 7 // 10
    orders, lines = [], []
    for o in range(1, ORDERS + 1):
        count = r.randint(5, 15)
        orders.append((w, d, o, who[(o - 1) % CUSTOMERS], BEGIN, r.randint(1, 10) if o <= delivered else None, count, 1))
        for n in range(1, count + 1):
            amount = "0.00" if o <= delivered else f"{r.randint(1, 999_999) / 100:.2f}"
            lines.append((w, d, o, n, r.randint(1, ITEMS), w, BEGIN if o <= delivered else None, 5, amount, "dist"))
    insert(cursor, "orders", orders)
    insert(cursor, "order_line", lines)
    insert(cursor, "new_order", [(w, d, o) for o in range(delivered + 1, ORDERS + 1)])


class Terminal:
    """One client: its inputs follow from its seed. `run` makes one transaction of the mix."""

    def __init__(self, connection, warehouses, home, seed):
        self.connection, self.warehouses, self.home = connection, warehouses, home
        self.random = random.Random(seed)
        self.clock = 0
        self.done = {}
        self.again = 0
        connection.autocommit = False

    def run(self):
        kind = self.random.choices([self.new_order, self.payment, self.order_status, self.delivery, self.stock_level],
                                   [45, 43, 4, 4, 4])[0]
        r = self.random
        self.clock += 1
        place = r.randint(1, DISTRICTS)
        inputs = {"d": place, "c": r.randint(1, CUSTOMERS), "last": last_name(r.randrange(CUSTOMERS)),
                  "by_name": r.random() < 0.6, "at": BEGIN + datetime.timedelta(1, self.clock),
                  "amount": f"{r.randint(100, 500_000) / 100:.2f}", "carrier": r.randint(1, 10),
                  "threshold": r.randint(10, 20), "wrong": r.random() < 0.01,
                  "from": r.randint(1, self.warehouses) if r.random() < 0.15 else self.home,
                  "items": [(i, r.randint(1, 10), r.randint(1, self.warehouses) if r.random() < 0.01 else self.home)
                            for i in sorted(r.sample(range(1, ITEMS + 1), r.randint(5, 15)))]}
        while True:
            try:
                with self.connection.cursor() as cursor:
                    result = kind(cursor, inputs)
                self.connection.commit()
                self.done[kind.__name__] = self.done.get(kind.__name__, 0) + 1
                return kind.__name__, result
            except psycopg2.errors.SerializationFailure:
                self.connection.rollback()
                self.again += 1

    def new_order(self, c, i):
        c.execute("SELECT c_discount, c_last, c_credit, w_tax FROM customer, warehouse WHERE w_id = %s AND c_w_id = w_id "
                  "AND c_d_id = %s AND c_id = %s", (self.home, i["d"], i["c"]))
        discount, _, _, w_tax = c.fetchone()
        c.execute("UPDATE district SET d_next_o_id = d_next_o_id + 1 WHERE d_w_id = %s AND d_id = %s "
                  "RETURNING d_next_o_id - 1, d_tax", (self.home, i["d"]))
        number, d_tax = c.fetchone()
        local = all(supply == self.home for _, _, supply in i["items"])
        c.execute("INSERT INTO orders VALUES (%s, %s, %s, %s, %s, NULL, %s, %s)",
                  (self.home, i["d"], number, i["c"], i["at"], len(i["items"]), int(local)))
        c.execute("INSERT INTO new_order VALUES (%s, %s, %s)", (self.home, i["d"], number))
        total = 0
        for line, (item, quantity, supply) in enumerate(i["items"], 1):
            # One in a hundred names an item that is not there, and takes all back.
            asked = ITEMS + 1 if i["wrong"] and line == len(i["items"]) else item
            c.execute("SELECT i_price, i_name, i_data FROM item WHERE i_id = %s", (asked,))
            found = c.fetchone()
            if found is None:
                self.connection.rollback()
                return "no such item"
            c.execute("SELECT s_quantity, s_dist FROM stock WHERE s_w_id = %s AND s_i_id = %s FOR UPDATE", (supply, item))
            there, info = c.fetchone()
            left = there - quantity if there >= quantity + 10 else there - quantity + 91
            c.execute("UPDATE stock SET s_quantity = %s, s_ytd = s_ytd + %s, s_order_cnt = s_order_cnt + 1, "
                      "s_remote_cnt = s_remote_cnt + %s WHERE s_w_id = %s AND s_i_id = %s",
                      (left, quantity, int(supply != self.home), supply, item))
            amount = quantity * found[0]
            total += amount
            c.execute("INSERT INTO order_line VALUES (%s, %s, %s, %s, %s, %s, NULL, %s, %s, %s)",
                      (self.home, i["d"], number, line, item, supply, quantity, amount, info))
        return number, str(total * (1 - discount) * (1 + w_tax + d_tax))

    def customer(self, c, w, d, i):
        """The customer's number: given, or the middle one of those with a name."""
        if not i["by_name"]:
            return i["c"]
        c.execute("SELECT c_id FROM customer WHERE c_w_id = %s AND c_d_id = %s AND c_last = %s ORDER BY c_first, c_id",
                  (w, d, i["last"]))
        found = c.fetchall()
        return found[len(found) // 2][0] if found else i["c"]

    def payment(self, c, i):
        c.execute("UPDATE warehouse SET w_ytd = w_ytd + %s WHERE w_id = %s RETURNING w_name, w_city",
                  (i["amount"], self.home))
        c.execute("UPDATE district SET d_ytd = d_ytd + %s WHERE d_w_id = %s AND d_id = %s RETURNING d_name",
                  (i["amount"], self.home, i["d"]))
        number = self.customer(c, i["from"], i["d"], i)
        c.execute("UPDATE customer SET c_balance = c_balance - %s, c_ytd_payment = c_ytd_payment + %s, "
                  "c_payment_cnt = c_payment_cnt + 1, "
                  "c_data = CASE WHEN c_credit = 'BC' THEN left(c_id || ' ' || %s || ' ' || c_data, 500) ELSE c_data END "
                  "WHERE c_w_id = %s AND c_d_id = %s AND c_id = %s RETURNING c_balance, c_credit",
                  (i["amount"], i["amount"], i["amount"], i["from"], i["d"], number))
        balance, _ = c.fetchone()
        c.execute("INSERT INTO history VALUES (%s, %s, %s, %s, %s, %s, %s, 'payment')",
                  (number, i["d"], i["from"], i["d"], self.home, i["at"], i["amount"]))
        return number, str(balance)

    def order_status(self, c, i):
        number = self.customer(c, self.home, i["d"], i)
        c.execute("SELECT o_id, o_carrier_id, o_entry_d FROM orders WHERE o_w_id = %s AND o_d_id = %s AND o_c_id = %s "
                  "ORDER BY o_id DESC LIMIT 1", (self.home, i["d"], number))
        order = c.fetchone()
        if order is None:
            return number
        c.execute("SELECT ol_i_id, ol_supply_w_id, ol_quantity, ol_amount, ol_delivery_d FROM order_line "
                  "WHERE ol_w_id = %s AND ol_d_id = %s AND ol_o_id = %s ORDER BY ol_number", (self.home, i["d"], order[0]))
        return order[0], len(c.fetchall())

    def delivery(self, c, i):
        delivered = []
        for d in range(1, DISTRICTS + 1):
            c.execute("SELECT no_o_id FROM new_order WHERE no_w_id = %s AND no_d_id = %s ORDER BY no_o_id LIMIT 1 FOR UPDATE",
                      (self.home, d))
            oldest = c.fetchone()
            if oldest is None:
                continue
            c.execute("DELETE FROM new_order WHERE no_w_id = %s AND no_d_id = %s AND no_o_id = %s",
                      (self.home, d, oldest[0]))
            c.execute("UPDATE orders SET o_carrier_id = %s WHERE o_w_id = %s AND o_d_id = %s AND o_id = %s RETURNING o_c_id",
                      (i["carrier"], self.home, d, oldest[0]))
            (customer,) = c.fetchone()
            c.execute("UPDATE order_line SET ol_delivery_d = %s WHERE ol_w_id = %s AND ol_d_id = %s AND ol_o_id = %s",
                      (i["at"], self.home, d, oldest[0]))
            c.execute("SELECT sum(ol_amount) FROM order_line WHERE ol_w_id = %s AND ol_d_id = %s AND ol_o_id = %s",
                      (self.home, d, oldest[0]))
            (total,) = c.fetchone()
            c.execute("UPDATE customer SET c_balance = c_balance + %s, c_delivery_cnt = c_delivery_cnt + 1 "
                      "WHERE c_w_id = %s AND c_d_id = %s AND c_id = %s", (total, self.home, d, customer))
            delivered.append(oldest[0])
        return delivered

    def stock_level(self, c, i):
        c.execute("SELECT d_next_o_id FROM district WHERE d_w_id = %s AND d_id = %s", (self.home, i["d"]))
        (following,) = c.fetchone()
        c.execute("SELECT count(DISTINCT s_i_id) FROM order_line, stock WHERE ol_w_id = %s AND ol_d_id = %s "
                  "AND ol_o_id < %s AND ol_o_id >= %s AND s_w_id = %s AND s_i_id = ol_i_id AND s_quantity < %s",
                  (self.home, i["d"], following, following - 20, self.home, i["threshold"]))
        return c.fetchone()[0]


# Each finds what breaks a condition of the specification's 3.3.2: no row means that it holds.
CONDITIONS = {
    "1: a warehouse's year to date is the sum of its districts'":
        "SELECT w_id FROM warehouse JOIN district ON d_w_id = w_id GROUP BY w_id, w_ytd HAVING w_ytd <> sum(d_ytd)",
    "2: the next order number follows the last order's":
        "SELECT d_w_id, d_id FROM district JOIN (SELECT o_w_id, o_d_id, max(o_id) AS last FROM orders "
        "GROUP BY o_w_id, o_d_id) o ON o_w_id = d_w_id AND o_d_id = d_id WHERE d_next_o_id - 1 <> last",
    "3: new orders have no gaps":
        "SELECT no_w_id, no_d_id FROM new_order GROUP BY no_w_id, no_d_id "
        "HAVING max(no_o_id) - min(no_o_id) + 1 <> count(*)",
    "4: orders say how many lines they have":
        "SELECT a.w, a.d FROM (SELECT o_w_id AS w, o_d_id AS d, sum(o_ol_cnt) AS n FROM orders GROUP BY o_w_id, o_d_id) a "
        "JOIN (SELECT ol_w_id AS w, ol_d_id AS d, count(*) AS n FROM order_line GROUP BY ol_w_id, ol_d_id) b "
        "ON a.w = b.w AND a.d = b.d WHERE a.n <> b.n",
    "5: an order has no carrier as long as it is new":
        "SELECT o_w_id, o_d_id, o_id FROM orders LEFT JOIN new_order ON no_w_id = o_w_id AND no_d_id = o_d_id "
        "AND no_o_id = o_id WHERE (o_carrier_id IS NULL) <> (no_o_id IS NOT NULL)",
    "6: each order has the lines that it says":
        "SELECT o_w_id, o_d_id, o_id FROM orders LEFT JOIN order_line ON ol_w_id = o_w_id AND ol_d_id = o_d_id "
        "AND ol_o_id = o_id GROUP BY o_w_id, o_d_id, o_id, o_ol_cnt HAVING count(ol_number) <> o_ol_cnt",
    "7: a line is delivered when its order is":
        "SELECT ol_o_id FROM order_line JOIN orders ON o_w_id = ol_w_id AND o_d_id = ol_d_id AND o_id = ol_o_id "
        "WHERE (ol_delivery_d IS NULL) <> (o_carrier_id IS NULL)",
    "8: a warehouse's year to date is the sum of its history":
        "SELECT w_id FROM warehouse JOIN history ON h_w_id = w_id GROUP BY w_id, w_ytd HAVING w_ytd <> sum(h_amount)",
    "9: a district's year to date is the sum of its history":
        "SELECT d_w_id, d_id FROM district JOIN history ON h_w_id = d_w_id AND h_d_id = d_id "
        "GROUP BY d_w_id, d_id, d_ytd HAVING d_ytd <> sum(h_amount)",
    "12: a customer's balance is what was delivered less what was paid":
        "SELECT c_w_id, c_d_id, c_id FROM customer LEFT JOIN (SELECT o_w_id, o_d_id, o_c_id, sum(ol_amount) AS owed "
        "FROM orders JOIN order_line ON ol_w_id = o_w_id AND ol_d_id = o_d_id AND ol_o_id = o_id "
        "WHERE ol_delivery_d IS NOT NULL GROUP BY o_w_id, o_d_id, o_c_id) o "
        "ON o_w_id = c_w_id AND o_d_id = c_d_id AND o_c_id = c_id "
        "WHERE c_balance + c_ytd_payment <> coalesce(owed, 0)",
}


def failing(cursor):
    """The conditions that do not hold, as the cursor's transaction sees it."""
    out = []
    for name, query in CONDITIONS.items():
        cursor.execute(query)
        if cursor.fetchall():
            out.append(name)
    return out


def broken(connection):
    """The conditions that do not hold, all at one snapshot."""
    connection.autocommit = False
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        out = failing(cursor)
    connection.rollback()
    return out


def contents(connection):
    """All rows of all tables, sorted."""
    out = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT * FROM {table}")
            out[table] = sorted(str(row) for row in cursor.fetchall())
    connection.rollback()
    return out
