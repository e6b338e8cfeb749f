-- Subqueries in every place; IN and NOT IN with NULLs; what sees the row around.

CREATE TABLE s (id int PRIMARY KEY, g int, v int);
INSERT INTO s VALUES (1, 1, 10), (2, 1, 20), (3, 2, 30), (4, 2, null), (5, null, 50), (6, 3, 60);
CREATE TABLE u (k int PRIMARY KEY, w int);
INSERT INTO u VALUES (1, 10), (2, null), (3, 30), (9, 90);
-- split: s 3 5
-- split: u 2
-- each q: v IN (SELECT w FROM u) | v NOT IN (SELECT w FROM u) | v NOT IN (SELECT w FROM u WHERE w IS NOT NULL) | id IN (SELECT k FROM u) | id NOT IN (SELECT k FROM u) | EXISTS (SELECT FROM u WHERE k = id) | NOT EXISTS (SELECT FROM u WHERE w = v) | EXISTS (SELECT FROM u WHERE false) | v = ANY (SELECT w FROM u) | v > ALL (SELECT w FROM u WHERE k < 2) | v > ALL (SELECT w FROM u) | v < ANY (SELECT w FROM u) | v <> ALL (SELECT w FROM u WHERE w > 10) | v > (SELECT avg(v) FROM s) | v = (SELECT max(v) FROM s x WHERE x.g = s.g) | v > (SELECT min(w) FROM u WHERE k > s.id) | (g, v) IN (SELECT g, max(v) FROM s GROUP BY g) | (id, v) IN (SELECT k, w FROM u) | g IN (SELECT g FROM s x WHERE x.id <> s.id) | v IN (SELECT w FROM u WHERE false) | v NOT IN (SELECT w FROM u WHERE false) | v > ALL (SELECT w FROM u WHERE false) | v = ANY (SELECT w FROM u WHERE false) | (SELECT count(*) FROM u WHERE u.k <= s.id) > 1 | id = (SELECT k FROM u WHERE w = 30) | id < (SELECT k FROM u WHERE false) | id BETWEEN (SELECT 2) AND (SELECT 4) | v IN (10, (SELECT 30)) | NOT (v IN (SELECT w FROM u)) | coalesce(v IN (SELECT w FROM u), true) | v IS DISTINCT FROM (SELECT w FROM u WHERE k = 2)
SELECT id FROM s WHERE {q} ORDER BY id;

-- each e: (SELECT w FROM u WHERE k = s.id) | (SELECT count(*) FROM u WHERE w > s.v) | EXISTS (SELECT FROM u WHERE k = s.g) | (SELECT max(k) FROM u) | s.v IN (SELECT w FROM u) | (SELECT s.v + 1) | (SELECT sum(x.v) FROM s x WHERE x.g = s.g) | CASE WHEN g = 1 THEN (SELECT 7) ELSE id END | (SELECT (SELECT max(w) FROM u WHERE k <= s.id)) | (SELECT x.v FROM s x WHERE x.id > s.id ORDER BY x.id LIMIT 1) | ARRAY(SELECT k FROM u WHERE k > s.id ORDER BY k)
SELECT id, {e} AS e FROM s ORDER BY id;

SELECT (SELECT k FROM u);
SELECT (SELECT k, w FROM u WHERE k = 1);
SELECT id FROM s WHERE id IN (SELECT k, w FROM u);
SELECT id FROM s WHERE (id, v) IN (SELECT k FROM u);
SELECT g, sum(v) FROM s GROUP BY g HAVING sum(v) > (SELECT avg(w) FROM u) ORDER BY g;
SELECT g, (SELECT count(*) FROM u WHERE k > s.g) FROM s GROUP BY g ORDER BY g;
SELECT id FROM s ORDER BY (SELECT w FROM u WHERE k = s.id) DESC NULLS LAST, id;
SELECT x.n FROM (SELECT count(*) AS n FROM s GROUP BY g) x ORDER BY x.n;
SELECT max(n) FROM (SELECT g, count(*) AS n FROM s GROUP BY g) x;
SELECT a.id FROM (SELECT * FROM s WHERE v > 10) a, (SELECT * FROM u) b WHERE a.id = b.k;
SELECT * FROM (SELECT id, v FROM s ORDER BY v DESC NULLS LAST LIMIT 3) t ORDER BY id;
SELECT * FROM (SELECT * FROM (SELECT 1 AS a) x) y;
SELECT count(*) FROM (SELECT DISTINCT g FROM s) x;
SELECT (SELECT sum(w) FROM u) / (SELECT count(*) FROM s);
SELECT id, (SELECT string_agg(k::text, ',' ORDER BY k) FROM u WHERE k <= s.id) FROM s ORDER BY id;
SELECT id FROM s WHERE v = (SELECT max(w) FROM u WHERE w < (SELECT max(v) FROM s)) ORDER BY id;
SELECT id FROM s WHERE EXISTS (SELECT FROM u WHERE u.k = s.id AND EXISTS (SELECT FROM s x WHERE x.v = u.w)) ORDER BY 1;
SELECT sum((SELECT w FROM u WHERE k = s.id)) FROM s;
UPDATE s SET v = (SELECT w FROM u WHERE k = s.id) WHERE EXISTS (SELECT FROM u WHERE k = s.id) RETURNING id, v;
DELETE FROM s WHERE v IS NULL AND id IN (SELECT k FROM u) RETURNING id;
INSERT INTO s SELECT k + 100, 0, (SELECT max(v) FROM s) FROM u RETURNING *;
SELECT * FROM s ORDER BY id;
SELECT ROW(1, 2) = (SELECT 1, 2), (1, 2) < (1, 3), (1, 2) <= (1, 2), (2, null) > (1, 5), (1, null) < (1, 2);
WITH a AS (SELECT 1 AS x) SELECT x FROM a;
WITH a(x, y) AS (VALUES (1, 'p'), (2, 'q')) SELECT y, x FROM a ORDER BY x DESC;
WITH a AS (SELECT id FROM s WHERE g = 1), b AS (SELECT id + 1 AS id FROM a) SELECT * FROM a UNION ALL SELECT * FROM b ORDER BY id;
WITH a AS MATERIALIZED (SELECT * FROM s) SELECT x.id FROM a x JOIN a y ON x.id = y.id + 1 ORDER BY 1;
WITH a AS NOT MATERIALIZED (SELECT * FROM s) SELECT count(*) FROM a, a b;
WITH u AS (SELECT 5 AS k) SELECT k FROM u;
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT sum(n), count(*) FROM t;
WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT (n * 3) % 7 FROM t) SELECT n FROM t ORDER BY n;
WITH RECURSIVE fib(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM fib WHERE b < 100) SELECT a FROM fib ORDER BY a;
WITH RECURSIVE tree AS (SELECT id, 0 AS depth FROM s WHERE id = 1 UNION ALL SELECT s.id, depth + 1 FROM s JOIN tree ON s.id = tree.id + 1 WHERE depth < 5) SELECT * FROM tree ORDER BY id;
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t LIMIT 3;
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT a.n + b.n FROM t a, t b) SELECT n FROM t;
WITH ins AS (INSERT INTO u VALUES (50, 500), (51, 510) RETURNING k) SELECT sum(k) FROM ins;
WITH del AS (DELETE FROM u WHERE k >= 50 RETURNING *) INSERT INTO s SELECT k, 9, w FROM del RETURNING id;
WITH up AS (UPDATE u SET w = w + 1 WHERE k = 1 RETURNING w) SELECT up.w, u.w FROM up, u WHERE u.k = 1;
SELECT * FROM u ORDER BY k;
