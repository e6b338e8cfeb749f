# SPDX-License-Identifier: Apache-2.0
"""TPC-H's eight tables, filled by a generator of our own: the specification's shapes and domains, not its texts.

`rows(table, scale)` gives tuples, the same every time; at scale 1 there are six million line items.
"""

import datetime
import random

REGIONS = ["AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"]
NATIONS = [("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0), ("FRANCE", 3),
           ("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4),
           ("KENYA", 0), ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3),
           ("SAUDI ARABIA", 4), ("VIETNAM", 2), ("RUSSIA", 3), ("UNITED KINGDOM", 3), ("UNITED STATES", 1)]
SEGMENTS = ["AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"]
PRIORITIES = ["1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"]
MODES = ["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"]
INSTRUCTIONS = ["COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN"]
SIZES = ["STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"]
FINISHES = ["ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"]
METALS = ["TIN", "NICKEL", "BRASS", "STEEL", "COPPER"]
BOXES = ["SM", "LG", "MED", "JUMBO", "WRAP"]
HOLDERS = ["CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"]
COLOURS = ["almond", "azure", "beige", "black", "blue", "brown", "coral", "cyan", "forest", "green", "grey", "indian",
           "ivory", "lemon", "lime", "navy", "olive", "pink", "red", "rose", "salmon", "white", "yellow"]
WORDS = ["quick", "special", "requests", "final", "deposits", "furious", "packages", "pending", "accounts", "Customer",
         "Complaints", "ironic", "bold", "theodolites", "silent", "even", "express", "regular", "unusual"]
FIRST, LAST, TODAY = datetime.date(1992, 1, 1), datetime.date(1998, 8, 2), datetime.date(1995, 6, 17)

SCHEMA = [
    "CREATE TABLE region (r_regionkey integer PRIMARY KEY, r_name char(25) NOT NULL, r_comment varchar(152))",
    "CREATE TABLE nation (n_nationkey integer PRIMARY KEY, n_name char(25) NOT NULL, n_regionkey integer NOT NULL, "
    "n_comment varchar(152))",
    "CREATE TABLE supplier (s_suppkey integer PRIMARY KEY, s_name char(25) NOT NULL, s_address varchar(40) NOT NULL, "
    "s_nationkey integer NOT NULL, s_phone char(15) NOT NULL, s_acctbal numeric(15,2) NOT NULL, s_comment varchar(101))",
    "CREATE TABLE part (p_partkey integer PRIMARY KEY, p_name varchar(55) NOT NULL, p_mfgr char(25) NOT NULL, "
    "p_brand char(10) NOT NULL, p_type varchar(25) NOT NULL, p_size integer NOT NULL, p_container char(10) NOT NULL, "
    "p_retailprice numeric(15,2) NOT NULL, p_comment varchar(23))",
    "CREATE TABLE partsupp (ps_partkey integer NOT NULL, ps_suppkey integer NOT NULL, ps_availqty integer NOT NULL, "
    "ps_supplycost numeric(15,2) NOT NULL, ps_comment varchar(199), PRIMARY KEY (ps_partkey, ps_suppkey))",
    "CREATE TABLE customer (c_custkey integer PRIMARY KEY, c_name varchar(25) NOT NULL, c_address varchar(40) NOT NULL, "
    "c_nationkey integer NOT NULL, c_phone char(15) NOT NULL, c_acctbal numeric(15,2) NOT NULL, "
    "c_mktsegment char(10) NOT NULL, c_comment varchar(117))",
    "CREATE TABLE orders (o_orderkey integer PRIMARY KEY, o_custkey integer NOT NULL, o_orderstatus char(1) NOT NULL, "
    "o_totalprice numeric(15,2) NOT NULL, o_orderdate date NOT NULL, o_orderpriority char(15) NOT NULL, "
    "o_clerk char(15) NOT NULL, o_shippriority integer NOT NULL, o_comment varchar(79))",
    "CREATE TABLE lineitem (l_orderkey integer NOT NULL, l_partkey integer NOT NULL, l_suppkey integer NOT NULL, "
    "l_linenumber integer NOT NULL, l_quantity numeric(15,2) NOT NULL, l_extendedprice numeric(15,2) NOT NULL, "
    "l_discount numeric(15,2) NOT NULL, l_tax numeric(15,2) NOT NULL, l_returnflag char(1) NOT NULL, "
    "l_linestatus char(1) NOT NULL, l_shipdate date NOT NULL, l_commitdate date NOT NULL, l_receiptdate date NOT NULL, "
    "l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL, l_comment varchar(44), "
    "PRIMARY KEY (l_orderkey, l_linenumber))",
]
# What the queries look for besides primary keys.
INDEXES = ["CREATE INDEX lineitem_part ON lineitem (l_partkey, l_suppkey)", "CREATE INDEX orders_cust ON orders (o_custkey)",
           "CREATE INDEX partsupp_supp ON partsupp (ps_suppkey)"]
TABLES = ["region", "nation", "supplier", "part", "partsupp", "customer", "orders", "lineitem"]


def cents(value):
    return f"{value // 100}.{value % 100:02d}" if value >= 0 else f"-{cents(-value)}"


def some_words(r, count):
    return " ".join(r.choice(WORDS) for _ in range(count))


def phone(r, nation):
    return f"{nation + 10}-{r.randint(100, 999)}-{r.randint(100, 999)}-{r.randint(1000, 9999)}"


def price(part):
    """Of a part, in cents."""
    return 90000 + part // 10 % 20001 + 100 * (part % 1000)


def supplier_of(part, i, suppliers):
    return (part + i * (suppliers // 4 + (part - 1) // suppliers)) % suppliers + 1


class Counts:
    def __init__(self, scale):
        self.suppliers = max(int(10_000 * scale), 10)
        self.parts = max(int(200_000 * scale), 40)
        self.customers = max(int(150_000 * scale), 30)
        self.orders = max(int(1_500_000 * scale), 300)


def rows(table, scale):
    yield from globals()["_" + table](random.Random(f"tpch {table}"), Counts(scale))


def _region(r, _):
    for i, name in enumerate(REGIONS):
        yield i, name, some_words(r, 6)


def _nation(r, _):
    for i, (name, region) in enumerate(NATIONS):
        yield i, name, region, some_words(r, 6)


def _supplier(r, n):
    for i in range(1, n.suppliers + 1):
        nation = r.randrange(25)
        # Some have complaints.
        said = "even Customer bold Complaints pending" if i % 199 == 7 else some_words(r, 7)
        yield (i, f"Supplier#{i:09d}", some_words(r, 2), nation, phone(r, nation), cents(r.randint(-99_999, 999_999)),
               said)


def _part(r, n):
    for i in range(1, n.parts + 1):
        maker = r.randint(1, 5)
        yield (i, " ".join(r.sample(COLOURS, 5)), f"Manufacturer#{maker}", f"Brand#{maker}{r.randint(1, 5)}",
               f"{r.choice(SIZES)} {r.choice(FINISHES)} {r.choice(METALS)}", r.randint(1, 50),
               f"{r.choice(BOXES)} {r.choice(HOLDERS)}", cents(price(i)), some_words(r, 2))


def _partsupp(r, n):
    for part in range(1, n.parts + 1):
        for supplier in sorted({supplier_of(part, i, n.suppliers) for i in range(4)}):
            yield part, supplier, r.randint(1, 9999), cents(r.randint(100, 100_000)), some_words(r, 12)


def _customer(r, n):
    for i in range(1, n.customers + 1):
        nation = r.randrange(25)
        yield (i, f"Customer#{i:09d}", some_words(r, 3), nation, phone(r, nation), cents(r.randint(-99_999, 999_999)),
               r.choice(SEGMENTS), some_words(r, 8))


def _all_orders(r, n):
    """Orders with their lines, from one stream of random numbers."""
    for i in range(n.orders):
        key = i // 8 * 32 + i % 8 + 1  # the specification leaves gaps
        customer = r.randint(1, n.customers)
        customer += customer % 3 == 0  # every third never orders
        date = FIRST + datetime.timedelta(r.randint(0, (LAST - FIRST).days))
        lines, total, open_ = [], 0, 0
        for number in range(1, r.randint(1, 7) + 1):
            part = r.randint(1, n.parts)
            supplier = supplier_of(part, r.randrange(4), n.suppliers)
            quantity, discount, tax = r.randint(1, 50), r.randint(0, 10), r.randint(0, 8)
            extended = quantity * price(part)
            ship = date + datetime.timedelta(r.randint(1, 121))
            commit = date + datetime.timedelta(r.randint(30, 90))
            receipt = ship + datetime.timedelta(r.randint(1, 30))
            flag = r.choice("RA") if receipt <= TODAY else "N"
            status = "O" if ship > TODAY else "F"
            open_ += status == "O"
            total += extended * (100 - discount) * (100 + tax) // 10_000
            lines.append((key, part, supplier, number, cents(quantity * 100), cents(extended), cents(discount),
                          cents(tax), flag, status, ship, commit, receipt, r.choice(INSTRUCTIONS), r.choice(MODES),
                          some_words(r, 3)))
        status = "O" if open_ == len(lines) else "F" if open_ == 0 else "P"
        yield (key, min(customer, n.customers), status, cents(total), date, r.choice(PRIORITIES),
               f"Clerk#{r.randint(1, 1000):09d}", 0, some_words(r, 6)), lines


def _orders(_, n):
    for order, _lines in _all_orders(random.Random("tpch orders"), n):
        yield order


def _lineitem(_, n):
    for _order, lines in _all_orders(random.Random("tpch orders"), n):
        yield from lines
