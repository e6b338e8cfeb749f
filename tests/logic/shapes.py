# SPDX-License-Identifier: Apache-2.0
"""What random statements are made of beyond one SELECT: frames, grouping sets, LATERAL, recursion, and writes that read.

A row is changed by at most one row of what it is joined with, and by one part of a statement: PostgreSQL leaves open
which of several counts.
"""


class Shapes:
    """Mixed into Grammar."""

    # Queries

    def framed(self):
        """Windows whose frames do not depend on the order of peers."""
        table, alias = self.random.choice(self.tables), self.name("w")
        scope = [(f"{alias}.{n}", t) for n, t in table.columns]
        keys = ", ".join(f"{alias}.{k}" for k in table.key)
        part = f"PARTITION BY {self.random.choice(scope)[0]} " if self.chance(0.5) else ""
        numbers = [sql for sql, t in scope if t in ("int", "bigint", "numeric")]
        column = self.random.choice(numbers)
        way = self.one("", " DESC", " NULLS FIRST", " DESC NULLS LAST")
        mode = self.one("RANGE", "RANGE", "GROUPS", "ROWS")
        order = keys if mode == "ROWS" else column + way
        begin, end = self.bounds()
        exclude = self.one("", "", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES")
        call = self.one("count(*)", f"sum({self.value('int', scope, 1)})", f"max({self.value('numeric', scope, 1)})",
                        f"min({self.value('text', scope, 1)})", f"bool_and({self.test(scope, 1)})")
        only = f" FILTER (WHERE {self.test(scope, 1)})" if self.chance(0.2) else ""
        if mode == "ROWS" and self.chance(0.3):
            call, only = self.one(f"first_value({column})", f"last_value({column})", f"nth_value({column}, 2)",
                                  f"array_agg({column})"), ""
        frame = f"{mode} BETWEEN {begin} AND {end}{exclude}"
        if self.chance(0.3):
            return (f"SELECT {keys}, {call}{only} OVER (w {frame}) FROM {table.name} {alias} "
                    f"WINDOW w AS ({part}ORDER BY {order})")
        return f"SELECT {keys}, {call}{only} OVER ({part}ORDER BY {order} {frame}) FROM {table.name} {alias}"

    def bounds(self):
        ends = ["UNBOUNDED PRECEDING", "2 PRECEDING", "1 PRECEDING", "CURRENT ROW", "1 FOLLOWING", "3 FOLLOWING",
                "UNBOUNDED FOLLOWING"]
        begin = self.random.randint(0, 5)
        end = self.random.randint(max(begin, 1), 6)
        # Of two offsets to the same side either order may stand.
        return ends[begin], ends[end]

    def ranked(self):
        """Ranks over an aggregation."""
        source, scope = self.sources(1)
        key = self.random.choice(scope)[0]
        total = self.aggregate(self.one("bigint", "numeric"), scope)
        rank = self.one("rank", "dense_rank", "percent_rank", "cume_dist")
        return f"SELECT {key}, {total}, {rank}() OVER (ORDER BY {total}{self.one('', ' DESC')}) FROM {source} GROUP BY {key}"

    def grouping(self):
        source, scope = self.sources(1)
        keys = [sql for sql, _ in self.random.sample(scope, min(len(scope), self.one(1, 2, 2, 3)))]
        some = ", ".join(keys)
        sets = self.one(f"ROLLUP ({some})", f"CUBE ({some})", f"GROUPING SETS (({some}), ({keys[0]}), ())",
                        f"GROUPING SETS (({keys[-1]}), ({some}))", f"{keys[0]}, ROLLUP ({some})",
                        f"GROUPING SETS (ROLLUP ({some}), ({keys[0]}))", f"DISTINCT {keys[0]}, CUBE ({some})")
        where = f" WHERE {self.test(scope, 1)}" if self.chance(0.5) else ""
        having = f" HAVING {self.aggregate('bigint', scope)} > 1" if self.chance(0.2) else ""
        calls = ", ".join(self.aggregate(self.one("bigint", "numeric", "int"), scope) for _ in range(self.one(1, 2)))
        return f"SELECT {some}, grouping({some}), {calls} FROM {source}{where} GROUP BY {sets}{having}"

    def lateral(self):
        source, scope = self.sources(1)
        alias = self.name("l")
        if self.chance(0.3):
            call = f"generate_series(1, least(abs({self.value('int', scope, 1)}), 3)) AS {alias}(x)"
            right, new = call, [(f"{alias}.x", "int")]
        else:
            table, inner = self.random.choice(self.tables), self.name("s")
            columns = [(f"{inner}.{n}", t) for n, t in table.columns]
            kinds = [self.random.choice(["int", "text", "numeric"]) for _ in range(self.one(1, 2))]
            values = ", ".join(self.value(k, columns + scope, 1) for k in kinds)
            names = ", ".join(f"x{i}" for i in range(len(kinds)))
            order = ", ".join(str(i + 1) for i in range(len(kinds)))
            tail = f" ORDER BY {order} LIMIT {self.random.randint(0, 3)}" if self.chance(0.6) else ""
            if self.chance(0.3):
                values, tail = ", ".join(f"max({self.value(k, columns, 1)})" for k in kinds), ""
            right = (f"(SELECT {values} FROM {table.name} {inner} WHERE {self.test(columns + scope, 2)}{tail}) "
                     f"AS {alias}({names})")
            new = [(f"{alias}.x{i}", k) for i, k in enumerate(kinds)]
        join = self.one(f", LATERAL {right}" if self.chance(0.5) else f" CROSS JOIN LATERAL {right}",
                        f" LEFT JOIN LATERAL {right} ON {self.one('true', self.test(scope + new, 1))}",
                        f" JOIN LATERAL {right} ON {self.test(scope + new, 1)}")
        both = scope + new
        where = f" WHERE {self.test(both, 1)}" if self.chance(0.4) else ""
        columns = ", ".join([self.random.choice(scope)[0], *(sql for sql, _ in new), self.value("int", both, 1)])
        return f"SELECT {columns} FROM {source}{join}{where}"

    def recursive(self):
        table = self.random.choice(self.tables)
        name, alias = self.name("c"), self.name("s")
        scope = [(f"{alias}.{n}", t) for n, t in table.columns]
        if self.chance(0.5):
            most = self.random.randint(1, 6)
            start = f"SELECT 0, {self.value('int', scope, 1)} FROM {table.name} {alias}"
            step = f"SELECT n + 1, ({self.value('int', [('v', 'int'), ('n', 'int')], 1)}) % 100 FROM {name} WHERE n < {most}"
            body = self.one(f"SELECT n, count(*), sum(v) FROM {name} GROUP BY n", f"SELECT n, v FROM {name}",
                            f"SELECT max(n), min(v) FROM {name}")
            return f"WITH RECURSIVE {name}(n, v) AS ({start} UNION ALL {step}) {body}"
        # Rows that can be reached: there is an end, for they are few.
        start = f"SELECT ({self.value('int', scope, 0)}) % 10 FROM {table.name} {alias} WHERE {self.test(scope, 1)}"
        step = (f"SELECT ({self.value('int', scope + [(name + '.v', 'int')], 1)}) % 10 FROM {name} JOIN {table.name} {alias} "
                f"ON {self.value('int', scope, 0)} % 10 = {name}.v")
        body = self.one(f"SELECT v FROM {name}", f"SELECT count(*), sum(v) FROM {name}",
                        f"SELECT a.v, b.v FROM {name} a JOIN {name} b ON a.v = b.v + 1")
        return f"WITH RECURSIVE {name}(v) AS ({start} UNION {step}) {body}"

    def others(self):
        """Small shapes, each seldom written."""
        table, alias = self.random.choice(self.tables), self.name("o")
        scope = [(f"{alias}.{n}", t) for n, t in table.columns]
        keys = ", ".join(f"{alias}.{k}" for k in table.key)
        kind = self.one("int", "text", "numeric", "date")
        a, b = self.value(kind, scope, 1), self.value(kind, scope, 1)
        i, j = self.value("int", scope, 1), self.value("int", scope, 1)
        return self.one(
            lambda: f"SELECT {keys}, ({a}, {i}) {self.one('<', '<=', '>', '>=', '=', '<>')} ({b}, {j}) "
                    f"FROM {table.name} {alias}",
            lambda: f"SELECT {keys} FROM {table.name} {alias} WHERE {a} {self.one('', 'NOT ')}BETWEEN SYMMETRIC {b} AND "
                    f"{self.literal(kind)}",
            lambda: f"SELECT x, y FROM (SELECT {a}, {i} FROM {table.name} {alias} ORDER BY 1 {self.one('', 'DESC')} "
                    f"FETCH FIRST {self.random.randint(0, 4)} ROWS WITH TIES) AS t(x, y)",
            lambda: f"SELECT {i}, array_agg({a} ORDER BY {a}), count(*) FROM {table.name} {alias} GROUP BY {i}",
            lambda: f"SELECT string_agg({self.value('text', scope, 1)}, ',' ORDER BY {keys}) FROM {table.name} {alias}",
            lambda: f"SELECT {', '.join(f'{alias}.{n}' for n, _ in table.columns)} FROM {table.name} {alias} "
                    f"GROUP BY {keys} HAVING {self.test(scope, 1)}",
            lambda: f"SELECT DISTINCT ON ({a}) {a}, {i} FROM {table.name} {alias} ORDER BY 1, 2",
            lambda: f"SELECT x, {i} FROM {table.name} {alias}, unnest(ARRAY[{i}, {j}, null]) WITH ORDINALITY AS u(x, y) "
                    f"WHERE y < 3",
            lambda: f"SELECT ARRAY(SELECT {a} FROM {table.name} {alias} WHERE {self.test(scope, 1)} ORDER BY 1)")()

    # Statements that write.

    def chosen(self, table):
        """One row at most for each value of its first column k, as a query: (sql, columns)."""
        other, alias = self.random.choice(self.tables), self.name("g")
        scope = [(f"{alias}.{n}", t) for n, t in other.columns]
        key = f"({self.value('int', scope, 1)})"
        columns = [("k", "int"), ("vi", "int"), ("vt", "text"), ("vn", "numeric")]
        values = ", ".join(f"{self.one('min', 'max')}({self.value(t, scope, 1)})" for _, t in columns[1:])
        where = f" WHERE {self.test(scope, 1)}" if self.chance(0.5) else ""
        return (f"(SELECT {key}, {values} FROM {other.name} {alias}{where} GROUP BY 1)", columns)

    def joined_write(self):
        """UPDATE ... FROM, DELETE ... USING."""
        table, source = self.random.choice(self.tables), self.name("u")
        sql, columns = self.chosen(table)
        scope = [(f"{table.name}.{n}", t) for n, t in table.columns]
        both = scope + [(f"{source}.{n}", t) for n, t in columns]
        names = ", ".join(n for n, _ in columns)
        on = f"{table.name}.{table.key[0]} = {source}.k" + (f" AND {self.test(both, 1)}" if self.chance(0.4) else "")
        others = [(n, t) for n, t in table.columns if n not in table.key]
        back = f" RETURNING {', '.join(f'{table.name}.{n}' for n, _ in table.columns)}" if self.chance(0.5) else ""
        if self.chance(0.3):
            return (f"DELETE FROM {table.name} USING {sql} AS {source}({names}) "
                    f"WHERE {on} AND {scope[0][0]} % 4 = {self.random.randint(0, 3)}{back}")
        sets = ", ".join(f"{n} = {self.value(t, both, 1)}" for n, t in self.random.sample(others, self.one(1, 1, 2)))
        return f"UPDATE {table.name} SET {sets} FROM {sql} AS {source}({names}) WHERE {on}{back}"

    def merge(self):
        table, source = self.random.choice(self.tables), self.name("m")
        sql, columns = self.chosen(table)
        scope = [(f"{table.name}.{n}", t) for n, t in table.columns]
        theirs = [(f"{source}.{n}", t) for n, t in columns]
        names = ", ".join(n for n, _ in columns)
        others = [(n, t) for n, t in table.columns if n not in table.key]
        whens = []
        for _ in range(self.one(1, 1, 2)):
            only = f" AND {self.test(scope + theirs, 1)}" if self.chance(0.5) else ""
            name, t = self.random.choice(others)
            whens.append(f"WHEN MATCHED{only} THEN " + self.one(
                f"UPDATE SET {name} = {self.value(t, scope + theirs, 1)}",
                f"UPDATE SET {name} = {self.value(t, theirs, 1)}", "DO NOTHING", "DELETE"))
        if self.chance(0.7):
            only = f" AND {self.test(theirs, 1)}" if self.chance(0.5) else ""
            values = [f"{source}.k"] + [self.literal(t, False) if n in table.key else self.value(t, theirs, 1)
                                        for n, t in table.columns[1:]]
            whens.append(f"WHEN NOT MATCHED{only} THEN " + self.one(
                f"INSERT VALUES ({', '.join(values)})", f"INSERT VALUES ({', '.join(values)})", "DO NOTHING"))
        self.random.shuffle(whens)
        return (f"MERGE INTO {table.name} USING {sql} AS {source}({names}) ON {table.name}.{table.key[0]} = {source}.k "
                + " ".join(whens))

    def writing_with(self):
        """Parts that write, each another table, and a query over what they return."""
        tables = self.random.sample(self.tables, 2)
        parts, froms = [], []
        for table in tables:
            name = self.name("p")
            scope = [(f"{table.name}.{n}", t) for n, t in table.columns]
            others = [(n, t) for n, t in table.columns if n not in table.key]
            column, kind = self.random.choice(others)
            key = table.key[0]
            back = f"RETURNING {table.name}.{key} AS k, {table.name}.{column} AS v"
            where = f"{self.test(scope, 1)} AND {scope[0][0]} % 4 = {self.random.randint(0, 3)}"
            parts.append(f"{name} AS (" + self.one(
                f"UPDATE {table.name} SET {column} = {self.value(kind, scope, 1)} WHERE {where} {back}",
                f"DELETE FROM {table.name} WHERE {where} {back}") + ")")
            froms.append(name)
        first, second = froms
        body = self.one(f"SELECT * FROM {first}", f"SELECT count(*), sum(k) FROM {second}",
                        f"SELECT a.k, b.k, b.v FROM {first} a LEFT JOIN {second} b ON a.k = b.k",
                        f"SELECT k FROM {first} UNION ALL SELECT k FROM {second}",
                        # What they write is not seen here.
                        f"SELECT (SELECT count(*) FROM {tables[0].name}), (SELECT count(*) FROM {second})",
                        "SELECT 1")
        return f"WITH {', '.join(parts)} {body}"

    def shape(self):
        """A statement of one of these shapes."""
        return self.one(self.framed, self.framed, self.ranked, self.grouping, self.grouping, self.lateral, self.lateral,
                        self.recursive, self.others, self.others, self.joined_write, self.merge, self.writing_with)()
