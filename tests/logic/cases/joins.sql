-- Joins of every kind, with keys bound from outside and without, over NULLs and empty sides.

CREATE TABLE cust (id int PRIMARY KEY, name text, city text);
CREATE TABLE ord (id int PRIMARY KEY, cust int, total int, placed text);
CREATE TABLE item (ord int, line int, sku text, n int, PRIMARY KEY (ord, line));
CREATE TABLE void (id int PRIMARY KEY, x int);
INSERT INTO cust VALUES (1, 'Ann', 'Bern'), (2, 'Bob', null), (3, 'Cid', 'Rome'), (4, null, 'Rome'), (5, 'Eve', 'Oslo');
INSERT INTO ord SELECT i, nullif(i % 6, 0), i * 10, '2024-0' || (1 + i % 9) FROM generate_series(1, 24) AS g(i);
INSERT INTO item SELECT o, l, 'sku' || (o + l) % 5, l * o FROM generate_series(1, 20) AS a(o), generate_series(1, 3) AS b(l);
-- split: cust 3
-- split: ord 8 16
-- split: item 5 11
-- each kind: JOIN | LEFT JOIN | RIGHT JOIN | FULL JOIN
-- each on: c.id = o.cust | c.id = o.cust AND o.total > 100 | c.id = o.cust AND c.city = 'Rome' | c.id = o.cust AND c.id > 3
-- each where: true | c.id = 3 | o.id < 7 | c.name IS NULL | o.id IS NULL | c.city = 'Rome' AND o.total < 150
SELECT c.id, c.name, o.id AS o, o.total FROM cust c {kind} ord o ON {on} WHERE {where} ORDER BY c.id, o.id;

-- each kind: JOIN | LEFT JOIN | RIGHT JOIN | FULL JOIN
SELECT c.id, v.x FROM cust c {kind} void v ON v.id = c.id ORDER BY 1, 2;
-- each kind: JOIN | LEFT JOIN | RIGHT JOIN
SELECT count(*), sum(a.total), sum(b.total) FROM ord a {kind} ord b ON a.id < b.id AND a.cust = b.cust;
-- each kind: JOIN | LEFT JOIN | RIGHT JOIN | FULL JOIN
SELECT * FROM (VALUES (1, 'a'), (2, 'b'), (null, 'n')) x(id, l) {kind} (VALUES (2, 'B'), (3, 'C'), (null, 'N')) y(id, r) USING (id) ORDER BY id, l, r;
-- each kind: NATURAL JOIN | NATURAL LEFT JOIN | NATURAL FULL JOIN
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) x(id, l) {kind} (VALUES (2, 'B'), (3, 'C')) y(id, r) ORDER BY id, l, r;
SELECT * FROM cust CROSS JOIN (VALUES (1), (2)) v(n) ORDER BY id, n LIMIT 5;
SELECT c.name, o.id, i.sku FROM cust c, ord o, item i WHERE c.id = o.cust AND i.ord = o.id AND c.id = 2 ORDER BY o.id, i.line;
SELECT c.name, count(i.sku), sum(i.n) FROM cust c LEFT JOIN ord o ON o.cust = c.id LEFT JOIN item i ON i.ord = o.id GROUP BY c.id, c.name ORDER BY c.id;
SELECT o.id, i.line FROM ord o JOIN item i ON i.ord = o.id AND i.line = 2 WHERE o.id IN (1, 5, 9, 22) ORDER BY 1;
SELECT o.id, i.line FROM ord o LEFT JOIN item i ON i.ord = o.id AND i.line = 2 WHERE o.id IN (1, 5, 9, 22) ORDER BY 1;
SELECT a.id, b.id FROM ord a JOIN ord b ON b.id = a.id + 1 WHERE a.id > 20 ORDER BY 1;
SELECT a.id, b.id FROM ord a LEFT JOIN ord b ON b.id = a.id * 2 WHERE a.id > 10 AND a.id < 14 ORDER BY 1;
SELECT c.city, count(*) FROM cust c JOIN ord o ON o.cust = c.id GROUP BY c.city HAVING count(*) > 3 ORDER BY 2 DESC, 1;
SELECT x.id FROM cust x JOIN cust y ON x.city = y.city AND x.id < y.id;
SELECT * FROM cust c JOIN (ord o JOIN item i ON i.ord = o.id) ON o.cust = c.id WHERE c.id = 1 AND i.line = 1 ORDER BY o.id;
SELECT * FROM (cust c JOIN ord o ON o.cust = c.id) AS j (a, b, d, e) WHERE a = 1;
SELECT count(*) FROM cust, ord, void;
SELECT count(*) FROM cust a, cust b, cust c WHERE a.id = b.id AND b.id = c.id;
SELECT c.id FROM cust c JOIN ord o ON true WHERE o.id = 1 ORDER BY 1;
SELECT c.id, o.id FROM cust c LEFT JOIN ord o ON false ORDER BY 1;
SELECT id FROM cust JOIN ord ON cust.id = ord.cust;
SELECT c.id FROM cust c JOIN ord c ON true;
SELECT x.nope FROM cust x;
SELECT * FROM cust c JOIN ord o USING (nope);
SELECT * FROM cust a JOIN cust b USING (id, name) ORDER BY id;
SELECT c.id, l.t FROM cust c, LATERAL (SELECT max(total) AS t FROM ord o WHERE o.cust = c.id) l ORDER BY 1;
SELECT c.id, l.id FROM cust c LEFT JOIN LATERAL (SELECT o.id FROM ord o WHERE o.cust = c.id ORDER BY total DESC LIMIT 2) l ON true ORDER BY 1, 2;
SELECT c.id, g FROM cust c, generate_series(1, c.id) g WHERE c.id < 4 ORDER BY 1, 2;
SELECT c.id, g.* FROM cust c CROSS JOIN LATERAL (VALUES (c.id * 10), (c.id * 100)) g(v) WHERE c.id < 3 ORDER BY 1, 2;
SELECT a.n, b.n FROM generate_series(1, 3) a(n) FULL JOIN generate_series(2, 4) b(n) ON a.n = b.n ORDER BY 1, 2;
SELECT a.n, b.n FROM generate_series(1, 3) a(n) LEFT JOIN generate_series(2, 4) b(n) ON a.n = b.n AND b.n > 2 ORDER BY 1, 2;
SELECT count(*) FROM item i JOIN ord o ON o.id = i.ord JOIN cust c ON c.id = o.cust WHERE c.city IS NOT NULL AND i.n > 10;
SELECT o.id FROM ord o WHERE o.cust = (SELECT c.id FROM cust c WHERE c.name = 'Cid') ORDER BY 1;
SELECT name FROM cust c WHERE EXISTS (SELECT FROM ord o JOIN item i ON i.ord = o.id WHERE o.cust = c.id AND i.sku = 'sku3') ORDER BY 1;
SELECT c.id, o.n FROM cust c JOIN (SELECT cust, count(*) AS n FROM ord GROUP BY cust) o ON o.cust = c.id ORDER BY 1;
SELECT * FROM ord o NATURAL JOIN item i WHERE o.id = 1;
SELECT t.a FROM (SELECT 1 AS a) t JOIN (SELECT 1.0 AS a) u ON t.a = u.a;
SELECT t.a, u.a FROM (SELECT 1 AS a) t JOIN (SELECT 1::bigint AS a) u USING (a);
