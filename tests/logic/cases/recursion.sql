-- WITH RECURSIVE, LATERAL, functions in FROM.

CREATE TABLE edge (a int, b int, w int, PRIMARY KEY (a, b));
INSERT INTO edge VALUES (1, 2, 5), (2, 3, 1), (3, 1, 2), (3, 4, 9), (4, 5, 1), (6, 7, 3), (7, 7, 1);
CREATE TABLE node (id int PRIMARY KEY, parent int, name text);
INSERT INTO node VALUES (1, null, 'root'), (2, 1, 'a'), (3, 1, 'b'), (4, 2, 'aa'), (5, 2, 'ab'), (6, 4, 'aaa'), (7, 3, 'ba');
-- split: edge 3 6
-- split: node 4

-- each u: UNION | UNION ALL
-- each s: SELECT 1 | SELECT n FROM generate_series(1, 3) n | VALUES (1), (2), (2) | SELECT max(a) FROM edge | SELECT a FROM edge WHERE a > 2
-- each r: SELECT n + 1 FROM t WHERE n < 6 | SELECT n * 2 FROM t WHERE n < 20 | SELECT n + x FROM t, generate_series(1, 2) x WHERE n < 5 | SELECT n + 1 FROM t WHERE n < (SELECT max(b) FROM edge) | SELECT t.n + e.w FROM t JOIN edge e ON e.a = t.n WHERE t.n < 9
-- each q: SELECT * FROM t ORDER BY 1 | SELECT count(*), sum(n), max(n) FROM t | SELECT a.n FROM t a JOIN t b ON a.n = b.n - 1 ORDER BY 1
WITH RECURSIVE t(n) AS ({s} {u} {r}) {q};

-- each s: a = 1 | a = 6 | b > 3 | false
-- each q: SELECT b FROM r ORDER BY b | SELECT count(*) FROM r | SELECT a, b FROM edge WHERE a IN (SELECT b FROM r) ORDER BY 1, 2
WITH RECURSIVE r(b) AS (SELECT b FROM edge WHERE {s} UNION SELECT e.b FROM edge e, r WHERE e.a = r.b) {q};

-- each s: parent IS NULL | id = 2 | name LIKE 'a%'
-- each x: name \|\| '' | t.path \|\| '/' \|\| name
WITH RECURSIVE t AS (SELECT id, name AS path, 1 AS depth FROM node WHERE {s} UNION ALL SELECT c.id, {x}, depth + 1 FROM node c JOIN t ON c.parent = t.id) SELECT * FROM t ORDER BY path, id, depth;
WITH RECURSIVE up AS (SELECT id, parent FROM node WHERE id = 6 UNION ALL SELECT n.id, n.parent FROM node n, up WHERE n.id = up.parent) SELECT array_agg(id ORDER BY id) FROM up;
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t LIMIT 5;
WITH RECURSIVE fib(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM fib WHERE b < 100) SELECT a FROM fib;
WITH RECURSIVE t(n, p) AS (SELECT 1, ARRAY[1] UNION ALL SELECT e.b, p || e.b FROM t JOIN edge e ON e.a = t.n WHERE NOT e.b = ANY (p)) SELECT n, p FROM t ORDER BY p;
WITH RECURSIVE x AS (SELECT 1 AS n), y AS (SELECT n + 1 AS n FROM x) SELECT * FROM x, y;
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT count(*) FROM t) SELECT * FROM t;
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT a.n FROM t a, t b) SELECT * FROM t;
WITH RECURSIVE t(n) AS (SELECT n FROM t UNION ALL SELECT 1) SELECT * FROM t;
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM (SELECT 1 AS x) s LEFT JOIN t ON true WHERE n < 3) SELECT * FROM t;
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT 1.5 + n FROM t WHERE n < 3) SELECT * FROM t;
WITH RECURSIVE t(n) AS (SELECT 1 INTERSECT SELECT n FROM t) SELECT * FROM t;
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n IN (SELECT n FROM t)) SELECT * FROM t;
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3), u(m) AS (SELECT n FROM t UNION ALL SELECT m * 10 FROM u WHERE m < 50) SELECT m FROM u ORDER BY m;

-- each j: , LATERAL {l} AS s(v) | CROSS JOIN LATERAL {l} AS s(v) | LEFT JOIN LATERAL {l} AS s(v) ON true | LEFT JOIN LATERAL {l} AS s(v) ON s.v > 3 | JOIN LATERAL {l} AS s(v) ON s.v <> n.id
-- each l: (SELECT b FROM edge e WHERE e.a = n.id ORDER BY b DESC LIMIT 1) | (SELECT count(*) FROM edge e WHERE e.a = n.id) | (SELECT b FROM edge e WHERE e.a < n.id ORDER BY b LIMIT 2) | (VALUES (n.id), (n.id * 10)) | (SELECT n.id + x FROM generate_series(1, 2) x) | (SELECT max(c.id) FROM node c WHERE c.parent = n.id GROUP BY c.parent) | (SELECT n.id UNION SELECT n.parent) | (SELECT b FROM edge e WHERE e.a = n.id UNION ALL SELECT 0 WHERE n.id > 5)
SELECT n.id, s.v FROM node n {j} ORDER BY 1, 2;

-- each f: generate_series(1, n.id) | unnest(ARRAY[n.id, n.parent]) | string_to_table(n.name, 'a') | regexp_split_to_table(n.name, 'b') | generate_subscripts(ARRAY[n.id, 1], 1) | json_array_elements_text('[1, "x"]') | jsonb_object_keys('{"p": 1, "q": 2}') | upper(n.name) | generate_series(n.id, 1, -2)
-- each o: AS f(x) | WITH ORDINALITY AS f(x, o)
SELECT n.id, f.* FROM node n, {f} {o};

SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b', 'c']) AS t(n, s);
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a'], ARRAY[true, null, false]) WITH ORDINALITY;
SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY['x', 'y'])) AS t(a, b);
SELECT generate_series(1, 3), unnest(ARRAY['x', 'y']);
SELECT id, unnest(ARRAY[parent, id]) AS u FROM node WHERE id < 4 ORDER BY 1, 2;
SELECT id, (SELECT max(x) FROM generate_series(1, node.id) x) FROM node ORDER BY 1;
SELECT a.id, b.id FROM node a JOIN LATERAL (SELECT * FROM node b WHERE b.parent = a.id) b ON true ORDER BY 1, 2;
SELECT a.id, c.v FROM node a, LATERAL (SELECT a.id + 1 AS x) b, LATERAL (SELECT b.x * 2 AS v) c ORDER BY 1;
SELECT a.id FROM node a RIGHT JOIN LATERAL (SELECT a.id) b ON true;
SELECT * FROM (SELECT s.v FROM generate_series(1, 2) s(v)) a, generate_series(a.v, 3) b ORDER BY 1, 2;
SELECT x, count(*) FROM node, generate_series(1, 3) x WHERE x < id GROUP BY x ORDER BY x;
SELECT unnest(ARRAY[1, 2]) + 1 AS v ORDER BY v DESC;
SELECT count(*) FROM node WHERE id > generate_series(1, 2);
