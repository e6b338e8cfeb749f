-- Rows compared, BETWEEN SYMMETRIC, WITH TIES, LIKE ... ESCAPE, encodings, arguments by name, grouping by a key.

CREATE TABLE rp (id int PRIMARY KEY, a int, b text, c numeric);
INSERT INTO rp VALUES (1, 1, 'x', 1.5), (2, 1, 'y', 2), (3, 2, 'x', null), (4, null, 'z', 1.50), (5, 2, null, 3), (6, 2, 'x', 1.5);
CREATE TABLE rq (id int PRIMARY KEY, p int, v text);
INSERT INTO rq VALUES (1, 1, 'v1'), (2, 1, 'v2'), (3, 3, null), (4, 9, 'v4');
-- split: rp 3 5

-- each r: (a, b) {op} (1, 'y') | (a, b) {op} (b::text = 'x', 'x') | (a, c) {op} (2, 1.5) | (id, a, b) {op} (3, 2, 'x') | (a, b) {op} (SELECT 2, 'x') | (a, null) {op} (2, 1) | (a, id) {op} (id, a) | ROW(a) {op} ROW(2) | (a, b) {op} (1, 'x', 2) | (c, a) {op} ANY (SELECT 1.5, 1) | (a, b) {op} ALL (SELECT 1, 'x')
-- each op: = | <> | < | <= | > | >=
SELECT id, {r} AS x FROM rp p ORDER BY id;

-- each n: BETWEEN | NOT BETWEEN
-- each r: 1 AND 2 | 2 AND 1 | null AND 2 | a AND 0 | 5 AND a
-- each s: SYMMETRIC | ASYMMETRIC
SELECT id FROM rp p WHERE a {n} {s} {r} ORDER BY id;

-- each o: a | a DESC | a NULLS FIRST | c, a | b DESC
-- each l: FETCH FIRST 1 ROW WITH TIES | FETCH FIRST 2 ROWS WITH TIES | FETCH FIRST ROW ONLY | OFFSET 1 FETCH NEXT 2 ROWS WITH TIES | FETCH FIRST 0 ROWS WITH TIES | OFFSET 4 ROWS FETCH FIRST 9 ROWS WITH TIES
SELECT a, c IS NULL AS n FROM rp p ORDER BY {o} {l};
SELECT a FROM rp p FETCH FIRST 1 ROW WITH TIES;

-- each s: 'a%c' | 'abc' | 'a!c' | 'a\c' | 'ä%' | ''
-- each p: 'a!%c' ESCAPE '!' | 'a!!c' ESCAPE '!' | 'a\%c' ESCAPE '' | 'a\\c' ESCAPE '!' | 'aö%c' ESCAPE 'ö' | 'a%' ESCAPE '%' | '_!_%' ESCAPE '!' | '%' ESCAPE '!!'
SELECT {s} LIKE {p} AS l, {s} NOT LIKE {p} AS n, {s} ILIKE {p} AS i;
SELECT 'a%c' LIKE 'a' || '!%c' ESCAPE '!';

-- each f: hex | base64 | escape | nosuch
-- each v: '\x00ff5c41' | 'abc' | '' | '\xdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeefdeadbeef'
SELECT encode({v}::bytea, '{f}') AS e, decode(encode({v}::bytea, '{f}'), '{f}') = {v}::bytea AS back;
-- each t: 'zz', 'hex' | 'abc', 'hex' | '12 34', 'hex' | '\000\\a', 'escape' | '\9', 'escape' | 'ä1', 'hex'
SELECT decode({t});
-- each t: '\xzz' | '\x1' | '\x 12 34' | '\x1 2' | 'a\b' | 'a\\b\101'
SELECT {t}::bytea;

-- each f: make_interval(days => 10, hours => 2) | make_interval(1, 2) | make_interval(secs => 1.5) | make_interval(1, mins => 5) | make_interval() | make_date(year => 2024, month => 2, day => 29) | make_date(day => 1, month => 3, year => 2000) | make_time(hour => 8, min => 15, sec => 23.5) | make_timestamp(2013, 7, 15, hour => 8, min => 15, sec => 23.5) | jsonb_set('{"a": 1}', '{b}', '2', create_if_missing => false) | jsonb_set(jsonb_in => '{"a": 1}', path => '{b}', replacement => '2') | make_date(year => 2024, nosuch => 2, day => 29) | make_date(2024, month => 2) | make_interval(1, years => 5) | make_interval(years => 1, 2) | make_interval(years => 1, years => 2)
SELECT {f} AS x;

-- each h: HAVING true | HAVING count(q.id) > 0 | HAVING p.b = 'x'
SELECT p.id, p.a, p.b, count(q.id) FROM rp p LEFT JOIN rq q ON q.p = p.id GROUP BY p.id {h} ORDER BY p.id;
SELECT p.*, max(q.v) FROM rp p JOIN rq q ON q.p = p.id GROUP BY p.id ORDER BY 1;
SELECT p.a, q.v FROM rp p JOIN rq q ON q.p = p.id GROUP BY p.id ORDER BY 1;
SELECT p.a, q.v, count(*) FROM rp p JOIN rq q ON q.p = p.id GROUP BY p.id, q.id ORDER BY 1, 2;
SELECT a FROM (SELECT * FROM rp p) s GROUP BY id;
SELECT upper(b) || id FROM rp p GROUP BY id ORDER BY id;

-- each o: rp p LEFT JOIN rq q ON q.p = p.id AND q.v = (SELECT max(v) FROM rq x WHERE x.p = p.id) | rp p LEFT JOIN rq q ON EXISTS (SELECT 1 FROM rq x WHERE x.p = p.id AND x.id = q.id) | rp p RIGHT JOIN rq q ON q.p = p.id AND p.a IN (SELECT 1) | rp p FULL JOIN rq q ON q.p = p.id AND q.id < (SELECT avg(id) FROM rq q)
SELECT p.id, q.id FROM {o} ORDER BY 1, 2;
-- each w: WITH c AS (SELECT v FROM rq q WHERE q.p = p.id) SELECT max(v) FROM c | WITH c AS (SELECT v, p.a FROM rq q WHERE q.p = p.id) SELECT count(*) FROM c x JOIN c y ON x.v = y.v | WITH c AS MATERIALIZED (SELECT p.id AS i) SELECT i FROM c | WITH RECURSIVE c(n) AS (SELECT p.id UNION ALL SELECT n - 1 FROM c WHERE n > 1) SELECT sum(n) FROM c
SELECT id, ({w}) AS x FROM rp p ORDER BY id;
-- each e: b COLLATE "C" | b COLLATE "POSIX" | (b COLLATE "C") \|\| 'a' | b COLLATE nosuch
SELECT {e} AS x FROM rp p ORDER BY 1;
SELECT id FROM rp p ORDER BY b COLLATE "C" DESC, id;
SELECT json_object_agg(id, b ORDER BY id), jsonb_object_agg(b, a) FROM rp p WHERE b IS NOT NULL AND a IS NOT NULL AND id < 4;
SELECT json_object_agg(b, a) FROM rp p;
SELECT jsonb_object_agg(c, ARRAY[a, id]) FILTER (WHERE c > 1.5) FROM rp p;
SELECT a, json_object_agg(id, c ORDER BY id DESC) FROM rp p GROUP BY a ORDER BY a;
SELECT json_object_agg(true, null), json_object_agg(date '2024-01-02', '{"a": 1}'::json), jsonb_object_agg('a"b', 1.50);
