-- UPDATE ... FROM, DELETE ... USING, MERGE, WITH queries that write, RETURNING and ON CONFLICT with subqueries.

CREATE TABLE acct (id int PRIMARY KEY, owner text, amount int NOT NULL, note text, CHECK (amount > -1000));
CREATE TABLE delta (id int, k int PRIMARY KEY, by int, what text);
CREATE TABLE audit (n int PRIMARY KEY, id int, was int);
CREATE INDEX acct_owner ON acct (owner);
CREATE UNIQUE INDEX acct_note ON acct (note);
INSERT INTO acct SELECT g, 'o' || g % 3, g * 10, CASE WHEN g % 4 > 0 THEN 'n' || g END FROM generate_series(1, 12) g;
INSERT INTO delta VALUES (1, 1, 5, 'up'), (2, 2, -3, 'up'), (3, 3, 0, 'del'), (20, 4, 7, 'new'), (21, 5, 8, 'new'), (4, 6, 1, null), (null, 7, 9, 'new');
-- split: acct 5 9
-- split: delta 4

-- each s: amount = a.amount + d.by | owner = d.what | amount = a.amount * 2, note = d.what | note = upper(a.note) | owner = (SELECT max(what) FROM delta) | (amount, owner) = (d.by, d.what) | amount = (SELECT sum(by) FROM delta x WHERE x.id = a.id)
-- each w: a.id = d.id | a.id = d.id AND d.by > 0 | a.id = d.id AND a.owner <> 'o1' | a.id = d.k AND d.k < 4
ROLLBACK; BEGIN; UPDATE acct a SET {s} FROM delta d WHERE {w} RETURNING a.id, a.owner, a.amount, a.note, d.k; SELECT * FROM acct ORDER BY id; ROLLBACK;

-- each w: a.id = d.id | a.id = d.id AND d.what = 'up' | a.owner = 'o' \|\| d.k | a.id = d.id AND d.by IS NULL | a.id + 1 = d.id
-- each r: * | a.id, d.what | a.owner \|\| coalesce(d.what, '-') AS x | (SELECT count(*) FROM acct) AS n, a.id
ROLLBACK; BEGIN; DELETE FROM acct a USING delta d WHERE {w} AND d.k <> 2 RETURNING {r}; SELECT count(*), sum(amount) FROM acct; ROLLBACK;

-- each m: WHEN MATCHED THEN UPDATE SET amount = a.amount + d.by | WHEN MATCHED AND d.what = 'del' THEN DELETE WHEN MATCHED THEN UPDATE SET owner = d.what | WHEN MATCHED THEN DO NOTHING | WHEN MATCHED AND d.by < 0 THEN DO NOTHING WHEN MATCHED THEN DELETE | WHEN MATCHED THEN UPDATE SET note = coalesce(d.what, 'x') \|\| a.id, amount = DEFAULT
-- each n: WHEN NOT MATCHED AND false THEN DO NOTHING | WHEN NOT MATCHED THEN INSERT VALUES (d.id, 'new', d.by, 'w' \|\| d.k) | WHEN NOT MATCHED AND d.id IS NOT NULL THEN INSERT (id, amount, note) VALUES (d.id, d.by * 100, 'i' \|\| d.k) | WHEN NOT MATCHED THEN DO NOTHING | WHEN NOT MATCHED AND d.by > 8 THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (id, amount) VALUES (d.id + 100, (SELECT max(amount) FROM acct))
-- each s: delta d | (SELECT * FROM delta WHERE k < 6) d | (SELECT id, max(k) AS k, sum(by) AS by, min(what) AS what FROM delta WHERE id IS NOT NULL GROUP BY id) d
ROLLBACK; BEGIN; MERGE INTO acct a USING {s} ON a.id = d.id {m} {n}; SELECT * FROM acct ORDER BY id; ROLLBACK;

ROLLBACK;
MERGE INTO acct a USING (VALUES (1, 2), (1, 3)) d (id, by) ON a.id = d.id WHEN MATCHED THEN UPDATE SET amount = d.by;
MERGE INTO acct a USING (VALUES (30, 2), (30, 3)) d (id, by) ON a.id = d.id WHEN NOT MATCHED THEN INSERT (id, amount) VALUES (d.id, d.by);
MERGE INTO acct a USING delta d ON a.id = d.id WHEN MATCHED THEN UPDATE SET amount = -2000;
MERGE INTO acct a USING delta d ON a.id = d.id WHEN MATCHED THEN UPDATE SET amount = null;
MERGE INTO acct a USING delta d ON a.id = d.id WHEN MATCHED THEN UPDATE SET nosuch = 1;
MERGE INTO acct a USING delta d ON a.id = d.id WHEN NOT MATCHED THEN INSERT VALUES (a.id);
MERGE INTO acct a USING delta d ON a.id = d.id WHEN MATCHED THEN UPDATE SET note = 'same';
MERGE INTO acct a USING nosuch d ON a.id = d.id WHEN MATCHED THEN DELETE;
MERGE INTO acct a USING delta a ON true WHEN MATCHED THEN DELETE;
ROLLBACK; BEGIN; MERGE INTO acct USING delta ON acct.id = delta.id AND delta.by > 0 WHEN MATCHED THEN UPDATE SET id = acct.id + 50; SELECT id, amount FROM acct ORDER BY id; ROLLBACK;
ROLLBACK; BEGIN; WITH d AS (SELECT 2 AS id UNION ALL SELECT 40) MERGE INTO acct a USING d ON a.id = d.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (d.id, 'w', 1); SELECT id, owner FROM acct ORDER BY id; ROLLBACK;

-- each a: DELETE FROM acct WHERE id < 4 RETURNING id, amount | UPDATE acct SET amount = amount + 1 WHERE owner = 'o1' RETURNING id, amount | INSERT INTO acct VALUES (50, 'x', 5), (51, 'y', 6) RETURNING id, amount | INSERT INTO acct VALUES (1, 'x', 5), (51, 'y', 6) ON CONFLICT (id) DO UPDATE SET amount = acct.amount + excluded.amount RETURNING id, amount | INSERT INTO acct VALUES (1, 'x', 5), (51, 'y', 6) ON CONFLICT DO NOTHING RETURNING id, amount
-- each q: SELECT * FROM a ORDER BY id | SELECT count(*), sum(amount) FROM a | SELECT 1 | SELECT (SELECT count(*) FROM acct), (SELECT count(*) FROM a) | SELECT x.id FROM a x JOIN a y ON x.id = y.id + 1 ORDER BY 1 | INSERT INTO audit SELECT id + 100, id, amount FROM a RETURNING * | UPDATE delta SET by = a.amount FROM a WHERE delta.id = a.id RETURNING delta.k, by | DELETE FROM delta USING a WHERE a.id = delta.id RETURNING k | SELECT id FROM acct WHERE id IN (SELECT id FROM a) ORDER BY id
ROLLBACK; BEGIN; WITH a AS ({a}) {q}; SELECT * FROM acct ORDER BY id; SELECT * FROM audit ORDER BY n; SELECT * FROM delta ORDER BY k; ROLLBACK;

ROLLBACK; BEGIN; WITH a AS (DELETE FROM acct WHERE id = 1 RETURNING *) INSERT INTO acct SELECT id, owner, amount + 1, note FROM a; SELECT * FROM acct WHERE id = 1; ROLLBACK;
ROLLBACK; BEGIN; WITH a AS (UPDATE acct SET amount = 1 WHERE id = 1 RETURNING *), b AS (UPDATE acct SET amount = 2 WHERE id = 2 RETURNING *) SELECT a.amount, b.amount FROM a, b; SELECT sum(amount) FROM acct; ROLLBACK;
ROLLBACK; BEGIN; WITH a AS (INSERT INTO audit VALUES (1, 1, 1)) SELECT count(*) FROM audit; SELECT count(*) FROM audit; ROLLBACK;
ROLLBACK; BEGIN; WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 4), a AS (INSERT INTO audit SELECT n, n, n FROM t RETURNING n) SELECT sum(n) FROM a; SELECT count(*) FROM audit; ROLLBACK;
ROLLBACK;
WITH a AS (INSERT INTO audit VALUES (1, 1, 1)) SELECT * FROM a;
SELECT * FROM (WITH a AS (DELETE FROM acct RETURNING id) SELECT * FROM a) x;
WITH a AS (DELETE FROM acct RETURNING nosuch) SELECT 1;

-- each r: (SELECT count(*) FROM acct) AS n | id, (SELECT max(amount) FROM acct o WHERE o.owner = acct.owner) AS m | EXISTS (SELECT 1 FROM delta d WHERE d.id = acct.id) AS e | id + (SELECT min(k) FROM delta) AS s | array(SELECT k FROM delta d WHERE d.id = acct.id) AS a
-- each q: INSERT INTO acct VALUES (60, 'o1', 600), (61, 'o2', 610) | UPDATE acct SET amount = amount + 1000 WHERE id < 3 | DELETE FROM acct WHERE id > 10
ROLLBACK; BEGIN; {q} RETURNING {r}; ROLLBACK;

-- each s: amount = (SELECT count(*) FROM acct) | amount = excluded.amount + (SELECT max(by) FROM delta d WHERE d.id = acct.id) | owner = (SELECT min(what) FROM delta) | owner = excluded.owner, amount = acct.amount + excluded.amount | id = acct.id + 70
-- each w: true | acct.amount > (SELECT avg(amount) FROM acct) - 50 | EXISTS (SELECT 1 FROM delta d WHERE d.id = excluded.id) | excluded.amount > 2
ROLLBACK; BEGIN; INSERT INTO acct VALUES (1, 'z', 1), (2, 'z', 2), (70, 'z', 3) ON CONFLICT (id) DO UPDATE SET {s} WHERE {w} RETURNING *; ROLLBACK;
