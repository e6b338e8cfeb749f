# SPDX-License-Identifier: Apache-2.0
"""Random statements by seed, of which every server must make the same.

Values are small and divisors never zero, so that evaluation order does not show; LIMIT comes only behind an ORDER
BY over all that is given; windows are ordered by a key.
"""

from shapes import Shapes

WORDS = ["", "a", "b", "ab", "B", "zz", "a b", "10", "äö", "%"]
DATES = ["1999-12-31", "2000-02-29", "2024-01-01", "2024-03-10", "0099-05-05"]
NUMBERS = ["0", "1", "-1", "2.5", "-0.10", "100.00", "3.14159", "0.001"]
TYPES = ["int", "bigint", "text", "boolean", "numeric", "date"]
KEYED = ["int", "bigint", "text", "numeric", "date"]
COMPARE = ["=", "<>", "<", "<=", ">", ">="]


class Table:
    def __init__(self, name, columns, key):
        self.name, self.columns, self.key = name, columns, key  # [(name, type)], names


class Grammar(Shapes):
    def __init__(self, random, prefix=""):
        self.random, self.prefix = random, prefix
        self.tables = []
        self.names = 0

    def one(self, *choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    # Tables

    def schema(self):
        """The statements that make the tables and fill them."""
        out = []
        for i in range(4):
            kinds = [self.random.choice(KEYED if j else ["int", "bigint"]) for j in range(self.one(1, 1, 2))]
            columns = [(f"k{j}", kind) for j, kind in enumerate(kinds)]
            key = [n for n, _ in columns]
            columns += [(f"c{j}", self.random.choice(TYPES)) for j in range(self.random.randint(2, 5))]
            table = Table(f"{self.prefix}t{i}", columns, key)
            self.tables.append(table)
            body = ", ".join(f"{n} {t}" for n, t in columns)
            out.append(f"CREATE TABLE {table.name} ({body}, PRIMARY KEY ({', '.join(key)}))")
            for number in range(self.one(0, 7, 25, 40)):
                row = [str(number) if n == "k0" else self.literal(t, n not in key) for n, t in columns]
                out.append(f"INSERT INTO {table.name} VALUES ({', '.join(row)})")
        return out

    def literal(self, kind, null=True):
        if null and self.chance(0.15):
            return f"null::{kind}"
        if kind == "int":
            return str(self.random.randint(-5, 30))
        if kind == "bigint":
            return f"{self.random.randint(-5, 30)}::bigint"
        if kind == "text":
            return "'" + self.random.choice(WORDS) + "'"
        if kind == "boolean":
            return self.one("true", "false")
        if kind == "numeric":
            return self.random.choice(NUMBERS) + "::numeric"
        return f"date '{self.random.choice(DATES)}'"

    # Expressions. `scope` is [(sql, type)].

    def value(self, kind, scope, depth):
        """An expression of that type."""
        columns = [sql for sql, t in scope if t == kind]
        if columns and self.chance(0.5 if depth else 0.85):
            return self.random.choice(columns)
        if depth <= 0:
            return self.literal(kind)
        d = depth - 1
        if self.chance(0.12):
            arms = " ".join(f"WHEN {self.test(scope, d)} THEN {self.value(kind, scope, d)}"
                            for _ in range(self.one(1, 2)))
            other = f" ELSE {self.value(kind, scope, d)}" if self.chance(0.7) else ""
            return f"CASE {arms}{other} END"
        if self.chance(0.1):
            return f"coalesce({self.value(kind, scope, d)}, {self.value(kind, scope, d)})"
        if self.chance(0.06):
            return f"{self.one('greatest', 'least')}({self.value(kind, scope, d)}, {self.value(kind, scope, d)})"
        if self.chance(0.06):
            return f"nullif({self.value(kind, scope, d)}, {self.value(kind, scope, d)})"
        if self.chance(0.07) and depth > 1:
            return self.scalar(kind, scope, d)
        return getattr(self, "of_" + kind)(scope, d)

    def of_int(self, scope, d):
        return self.one(
            lambda: f"({self.value('int', scope, d)} {self.one('+', '-')} {self.value('int', scope, d)})",
            lambda: f"({self.value('int', scope, 0)} * {self.literal('int', False)})",
            lambda: f"({self.value('int', scope, d)} {self.one('/', '%')} {self.random.randint(1, 9)})",
            lambda: f"length({self.value('text', scope, d)})",
            lambda: f"abs({self.value('int', scope, d)})",
            lambda: f"({self.value('date', scope, d)} - {self.value('date', scope, 0)})",
            lambda: f"({self.value('boolean', scope, d)})::int")()

    def of_bigint(self, scope, d):
        return self.one(
            lambda: f"({self.value('bigint', scope, d)} {self.one('+', '-')} {self.value('int', scope, d)})",
            lambda: f"({self.value('int', scope, d)})::bigint",
            lambda: f"({self.value('bigint', scope, d)} % {self.random.randint(1, 9)})")()

    def of_text(self, scope, d):
        return self.one(
            lambda: f"({self.value('text', scope, d)} || {self.value('text', scope, d)})",
            lambda: f"{self.one('upper', 'lower', 'reverse', 'trim')}({self.value('text', scope, d)})",
            lambda: f"substr({self.value('text', scope, d)}, {self.random.randint(1, 3)}, {self.random.randint(0, 3)})",
            lambda: f"({self.value(self.one('int', 'boolean', 'numeric', 'date'), scope, d)})::text",
            lambda: f"replace({self.value('text', scope, d)}, 'a', {self.value('text', scope, 0)})",
            lambda: f"repeat({self.value('text', scope, 0)}, {self.random.randint(0, 2)})")()

    def of_numeric(self, scope, d):
        return self.one(
            lambda: f"({self.value('numeric', scope, d)} {self.one('+', '-')} {self.value('numeric', scope, d)})",
            lambda: f"({self.value('numeric', scope, 0)} * {self.literal('numeric', False)})",
            lambda: f"round({self.value('numeric', scope, d)}, {self.random.randint(0, 3)})",
            lambda: f"({self.value('numeric', scope, d)} / {self.random.randint(1, 9)})",
            lambda: f"({self.value('int', scope, d)} + {self.value('numeric', scope, d)})",
            lambda: f"({self.value(self.one('int', 'bigint'), scope, d)})::numeric")()

    def of_date(self, scope, d):
        return self.one(
            lambda: f"({self.value('date', scope, d)} {self.one('+', '-')} {self.random.randint(0, 40)})",
            lambda: f"({self.value('date', scope, d)} + {self.value('int', scope, 0)})")()

    def of_boolean(self, scope, d):
        return f"({self.test(scope, d)})"

    def test(self, scope, depth):
        """A condition."""
        d = max(depth - 1, 0)
        kind = self.random.choice(KEYED)

        def some():
            return self.value(kind, scope, d)

        def no():
            return self.one("", "NOT ")

        if depth > 0 and self.chance(0.35):
            return self.one(
                lambda: f"({self.test(scope, d)} AND {self.test(scope, d)})",
                lambda: f"({self.test(scope, d)} OR {self.test(scope, d)})",
                lambda: f"NOT ({self.test(scope, d)})")()
        if depth > 1 and self.chance(0.15):
            return self.one(
                lambda: f"{self.one('', 'NOT ')}EXISTS ({self.simple(scope, d)[0]})",
                lambda: self.among(kind, scope, d),
                lambda: f"{self.value(kind, scope, d)} {self.random.choice(COMPARE)} {self.one('ANY', 'ALL')} "
                        f"({self.simple(scope, d, kind)[0]})")()
        return self.one(
            lambda: f"{some()} {self.random.choice(COMPARE)} {some()}",
            lambda: f"{some()} {self.random.choice(COMPARE)} {self.literal(kind, False)}",
            lambda: f"{some()} IS {no()}NULL",
            lambda: f"{some()} IS {no()}DISTINCT FROM {some()}",
            lambda: f"{some()} {no()}IN ({', '.join(self.literal(kind) for _ in range(self.one(1, 2, 4)))})",
            lambda: f"{some()} {no()}BETWEEN {self.literal(kind)} AND {self.literal(kind)}",
            lambda: f"{self.value('text', scope, d)} {no()}{self.one('LIKE', 'ILIKE')} "
                    f"'{self.one('a%', '%b%', '_', '%', 'A_')}'",
            lambda: f"({self.value('boolean', scope, d)}) IS {no()}{self.one('TRUE', 'FALSE', 'UNKNOWN')}",
            lambda: self.value("boolean", scope, 0))()

    def among(self, kind, scope, d):
        return f"{self.value(kind, scope, d)} {self.one('', 'NOT ')}IN ({self.simple(scope, d, kind)[0]})"

    def scalar(self, kind, scope, d):
        table, alias = self.random.choice(self.tables), self.name("q")
        inner = [(f"{alias}.{n}", t) for n, t in table.columns]
        mine = [sql for sql, t in inner if t == kind]
        if kind == "boolean" or not mine:
            return self.literal(kind)
        where = self.test(inner + scope, min(d, 1))
        return f"(SELECT {self.one('min', 'max')}({self.random.choice(mine)}) FROM {table.name} {alias} WHERE {where})"

    # Queries: (sql, types of the columns).

    def simple(self, scope, depth, kind=None):
        """One table, for a subquery; of one column of that type."""
        table, alias = self.random.choice(self.tables), self.name("s")
        inner = [(f"{alias}.{n}", t) for n, t in table.columns]
        kind = kind or self.random.choice(TYPES)
        where = f" WHERE {self.test(inner + scope, min(depth, 1))}" if self.chance(0.8) else ""
        return f"SELECT {self.value(kind, inner, 1)} FROM {table.name} {alias}{where}", [kind]

    def relation(self, depth):
        """A table or a query in FROM: (sql, alias, [(column, type)])."""
        alias = self.name("r")
        if depth > 0 and self.chance(0.2):
            sql, types = self.query(depth - 1, self.random.randint(1, 3))
            columns = [f"x{i}" for i in range(len(types))]
            return f"({sql}) AS {alias}({', '.join(columns)})", alias, list(zip(columns, types))
        table = self.random.choice(self.tables)
        return f"{table.name} {alias}", alias, table.columns

    def sources(self, depth):
        sql, alias, columns = self.relation(depth)
        scope = [(f"{alias}.{n}", t) for n, t in columns]
        for _ in range(self.one(0, 0, 0, 1, 1, 2)):
            right, alias, columns = self.relation(depth)
            new = [(f"{alias}.{n}", t) for n, t in columns]
            kind = self.one("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN")
            pairs = [(a, b) for a, s in scope for b, t in new if s == t]
            if kind == "CROSS JOIN" and len(scope) < 10:
                sql += f" CROSS JOIN {right}"
            elif pairs:
                a, b = self.random.choice(pairs)
                more = f" AND {self.test(scope + new, 1)}" if kind not in ("FULL JOIN",) and self.chance(0.3) else ""
                sql += f" {kind if kind != 'CROSS JOIN' else 'JOIN'} {right} ON {a} = {b}{more}"
            else:
                continue
            scope = scope + new
        return sql, scope

    def query(self, depth, width=None):
        if depth > 0 and self.chance(0.12):
            left, types = self.query(depth - 1, width)
            right = self.select(depth - 1, types)[0]
            op = self.one("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL")
            return f"({left}) {op} ({right})", types
        return self.select(depth, [self.random.choice(TYPES) for _ in range(width or self.random.randint(1, 4))])

    def select(self, depth, types):
        source, scope = self.sources(depth)
        where = f" WHERE {self.test(scope, 2)}" if self.chance(0.7) else ""
        if self.chance(0.3):
            return self.grouped(source, scope, where, types)
        columns = [self.value(t, scope, 2) for t in types]
        distinct = "DISTINCT " if self.chance(0.1) else ""
        return f"SELECT {distinct}{', '.join(columns)} FROM {source}{where}", types

    def grouped(self, source, scope, where, types):
        keys = self.random.sample(scope, min(len(scope), self.one(0, 1, 1, 2)))
        columns = []
        for t in types:
            mine = [sql for sql, kind in keys if kind == t]
            columns.append(self.random.choice(mine) if mine and self.chance(0.5) else self.aggregate(t, scope))
        by = f" GROUP BY {', '.join(sql for sql, _ in keys)}" if keys else ""
        having = f" HAVING {self.aggregate('bigint', scope)} > {self.random.randint(0, 3)}" if self.chance(0.2) else ""
        if not keys and not any("(" in c for c in columns):
            columns[0] = self.aggregate(types[0], scope)
        return f"SELECT {', '.join(columns)} FROM {source}{where}{by}{having}", types

    def aggregate(self, kind, scope):
        only = f" FILTER (WHERE {self.test(scope, 1)})" if self.chance(0.15) else ""
        distinct = "DISTINCT " if self.chance(0.15) else ""
        if kind == "bigint":
            return self.one(lambda: f"count(*){only}",
                            lambda: f"count({distinct}{self.value(self.random.choice(KEYED), scope, 1)}){only}",
                            lambda: f"sum({distinct}{self.value('int', scope, 1)}){only}")()
        if kind == "boolean":
            return f"{self.one('bool_and', 'bool_or')}({self.test(scope, 1)}){only}"
        if kind == "numeric":
            return f"{self.one('sum', 'avg', 'min', 'max')}({distinct}{self.value('numeric', scope, 1)}){only}"
        return f"{self.one('min', 'max')}({self.value(kind, scope, 1)}){only}"

    def windowed(self):
        table, alias = self.random.choice(self.tables), self.name("w")
        scope = [(f"{alias}.{n}", t) for n, t in table.columns]
        keys = ", ".join(f"{alias}.{k}" for k in table.key)
        part = f"PARTITION BY {self.random.choice(scope)[0]} " if self.chance(0.6) else ""
        frame = self.one("", "", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS 2 PRECEDING",
                         " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING")
        column = self.value(self.random.choice(KEYED), scope, 1)
        call = self.one("row_number()", "rank()", f"lag({column})", f"lead({column})", f"first_value({column})",
                        f"last_value({column})", f"count({column})", f"sum({self.value('int', scope, 1)})",
                        f"min({column})")
        where = f" WHERE {self.test(scope, 1)}" if self.chance(0.4) else ""
        return f"SELECT {keys}, {call} OVER ({part}ORDER BY {keys}{frame}) FROM {table.name} {alias}{where}"

    def common(self):
        """A query with WITH."""
        name = self.name("c")
        sql, types = self.query(1, self.random.randint(1, 3))
        columns = [f"y{i}" for i in range(len(types))]
        saved = self.tables
        self.tables = saved + [Table(name, list(zip(columns, types)), columns)]
        try:
            body = self.query(1)[0]
        finally:
            self.tables = saved
        return f"WITH {name}({', '.join(columns)}) AS ({sql}) {body}"

    # Statements

    def statement(self):
        if self.chance(0.3):
            return self.shape()
        roll = self.random.random()
        if roll < 0.14:
            return self.write()
        if roll < 0.22:
            return self.windowed()
        if roll < 0.30:
            return self.common()
        sql, types = self.query(2)
        if self.chance(0.3):
            order = list(range(1, len(types) + 1))
            self.random.shuffle(order)
            way = ["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]
            sql += " ORDER BY " + ", ".join(f"{i}{self.random.choice(way)}" for i in order)
            if self.chance(0.5):
                sql += f" LIMIT {self.random.randint(0, 9)}"
                sql += f" OFFSET {self.random.randint(0, 5)}" if self.chance(0.3) else ""
        return sql

    def write(self):
        table = self.random.choice(self.tables)
        scope = [(f"{table.name}.{n}", t) for n, t in table.columns]
        others = [(n, t) for n, t in table.columns if n not in table.key]
        back = f" RETURNING {', '.join(self.value(t, scope, 1) for _, t in others[:2])}" if self.chance(0.5) else ""
        kind = self.one("insert", "insert", "update", "update", "delete")
        if kind == "update":
            chosen = self.random.sample(others, self.one(1, min(2, len(others))))
            sets = ", ".join(f"{n} = {self.value(t, scope, 2)}" for n, t in chosen)
            return f"UPDATE {table.name} SET {sets} WHERE {self.test(scope, 2)}{back}"
        if kind == "delete":
            narrow = self.test(scope, 1)
            return f"DELETE FROM {table.name} WHERE {narrow} AND {scope[0][0]} % 5 = {self.random.randint(0, 4)}{back}"
        if self.chance(0.3):
            row = ", ".join(self.literal(t, False) if n in table.key else self.value(t, [], 1) for n, t in table.columns)
            conflict = self.one(" ON CONFLICT DO NOTHING", "")
            if conflict == "" and others and self.chance(0.8):
                name, t = self.random.choice(others)
                both = scope + [(f"excluded.{n}", u) for n, u in table.columns]
                conflict = f" ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {name} = {self.value(t, both, 1)}"
            return f"INSERT INTO {table.name} VALUES ({row}){conflict}{back}"
        source = self.select(1, [t for _, t in table.columns])[0]
        # Of several rows with one key the first stays: which that is must not be left open.
        names = ", ".join(f"x{i}" for i in range(len(table.columns)))
        keys = ", ".join(f"x{i}" for i in range(len(table.key)))
        return (f"INSERT INTO {table.name} SELECT DISTINCT ON ({keys}) {names} FROM ({source}) AS v({names}) "
                f"ORDER BY {names} ON CONFLICT DO NOTHING")
