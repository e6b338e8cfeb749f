-- One table: conditions, order, limits, grouping; over splits the key's order must still hold.

CREATE TABLE emp (id int PRIMARY KEY, name text NOT NULL, dept int, boss int, pay bigint, since text, active boolean DEFAULT true);
INSERT INTO emp SELECT i, 'e' || i, nullif(i % 5, 4), nullif(i / 3, 0), (i * 7919) % 1000 * 10, '20' || (10 + i % 9), i % 4 <> 0 FROM generate_series(1, 60) AS g(i);
-- split: emp 10 20 21 45
-- each cond: id = 7 | id = 61 | id IN (3, 50, 99, 21) | id BETWEEN 18 AND 23 | id < 4 | id >= 58 | id > 20 AND id < 22 | id <> 5 AND id < 8 | dept = 2 AND id > 40 | dept IS NULL AND id < 30 | NOT active | name LIKE 'e1%' | pay > 9000 | pay BETWEEN 100 AND 900 | boss = 7 OR id = 2 | (id, dept) = (11, 1) | (id, dept) IN ((11, 1), (12, 2), (13, 0)) | id + 1 = 10 | id % 20 = 0 | true AND id = 5 | false | null | id = 3 OR id = 21 OR id = 44 | id = 5 AND id = 6 | id > 50 AND id <= 55 AND dept <> 3 | id = (SELECT 21) | since = '2011' AND pay < 5000 | length(name) = 2 | dept IN (1, null) AND id < 10 | dept NOT IN (1, null) | coalesce(dept, -1) = -1 AND active
SELECT id, name, dept FROM emp WHERE {cond} ORDER BY id;

-- each key: id | id DESC | name | name DESC | dept, id | dept DESC, id DESC | dept NULLS FIRST, id | dept DESC NULLS LAST, id | pay, id | active, id | 2, 1 | since DESC, pay, id | length(name), name DESC | -id | pay % 3, id | boss NULLS FIRST, id
-- each lim: LIMIT 5 | LIMIT 5 OFFSET 18 | OFFSET 55 | LIMIT 0 | FETCH FIRST 3 ROWS ONLY | OFFSET 19 ROWS FETCH NEXT 2 ROWS ONLY | LIMIT ALL OFFSET 57
SELECT id, name FROM emp ORDER BY {key} {lim};

-- each agg: count(*) | count(dept) | count(DISTINCT dept) | sum(pay) | min(pay) | max(name) | min(dept) | sum(dept) | max(id) - min(id) | count(*) FILTER (WHERE active) | bool_or(active) | sum(pay) FILTER (WHERE dept = 1) | avg(pay) | avg(dept) | sum(pay) / count(*)
-- each grp: dept | active | dept, active | since | dept + 1 | id % 2 = 0
SELECT {grp}, {agg} AS a FROM emp GROUP BY {grp} ORDER BY 1, 2;

-- each agg: count(*) | count(dept) | sum(pay) | min(id) | max(id) | avg(pay) | bool_and(active) | sum(id) FILTER (WHERE id > 55) | count(DISTINCT since) | max(name)
-- each cond: true | id > 58 | id = 7 | id < 0 | dept IS NULL | id BETWEEN 9 AND 22
SELECT {agg} AS a FROM emp WHERE {cond};

-- each having: count(*) > 10 | sum(pay) > 50000 | dept IS NOT NULL | min(id) = 1 OR max(id) = 60 | bool_and(active) | false
SELECT dept, count(*) FROM emp GROUP BY dept HAVING {having} ORDER BY dept;

-- each d: dept | active | dept, active | since, active | boss IS NULL
SELECT DISTINCT {d} FROM emp ORDER BY {d};

SELECT DISTINCT ON (dept) dept, id, pay FROM emp ORDER BY dept, pay DESC, id;
SELECT DISTINCT ON (active, dept) active, dept, name FROM emp ORDER BY active, dept, id DESC;
SELECT DISTINCT ON (dept) id FROM emp ORDER BY id;
SELECT count(*), count(1), count(null) FROM emp;
SELECT emp.* FROM emp WHERE id = 1;
SELECT e.id AS x, e.name "Quoted Name", e.pay + 1, e.id + e.dept sum FROM emp e WHERE e.id < 3 ORDER BY x;
SELECT id FROM emp ORDER BY id LIMIT 1 + 1;
SELECT id FROM emp ORDER BY id LIMIT (SELECT 2);
SELECT id FROM emp LIMIT -1;
SELECT id FROM emp OFFSET -1;
SELECT id FROM emp ORDER BY 9;
SELECT id, count(*) FROM emp;
SELECT dept, name FROM emp GROUP BY dept;
SELECT id, name FROM emp GROUP BY id ORDER BY id LIMIT 2;
SELECT nope FROM emp;
SELECT id FROM nope;
SELECT emp.id FROM emp e;
SELECT id FROM emp WHERE count(*) > 1;
SELECT id FROM emp WHERE dept;
SELECT id FROM emp WHERE id = 'x';
SELECT sum(name) FROM emp;
SELECT sum(sum(pay)) FROM emp;
SELECT DISTINCT id FROM emp ORDER BY name;
SELECT 1 AS a, 2 AS a;
SELECT id AS name FROM emp ORDER BY name LIMIT 2;
SELECT -id AS id FROM emp ORDER BY id LIMIT 2;
SELECT dept AS d, count(*) AS n FROM emp GROUP BY d ORDER BY n DESC, d;
SELECT 1 FROM emp WHERE id < 3;
SELECT FROM emp WHERE id < 3;
SELECT count(*) FROM (SELECT FROM emp) e;
TABLE emp ORDER BY id LIMIT 1;
SELECT (SELECT max(id) FROM emp), (SELECT name FROM emp WHERE id = 21);
SELECT ALL dept FROM emp WHERE id < 3 ORDER BY id;
SELECT e FROM emp e WHERE id = 1;
SELECT id FROM emp WHERE name > 'e5' AND name < 'e52' ORDER BY name;
SELECT max(id) FROM emp WHERE id < 45;
SELECT min(id) FROM emp WHERE id > 20;
SELECT id FROM emp FETCH FIRST ROW ONLY;
SELECT dept FROM emp ORDER BY dept FETCH FIRST 1 ROWS WITH TIES;

CREATE TABLE pairs (a int, b int, c text, v int, PRIMARY KEY (a, b, c));
INSERT INTO pairs SELECT i % 4, i % 7, chr(97 + i % 3), i FROM generate_series(1, 84) AS g(i) ON CONFLICT DO NOTHING;
-- each cond: a = 1 | a = 1 AND b = 2 | a = 1 AND b = 2 AND c = 'a' | a = 1 AND b > 3 | a = 1 AND c = 'b' | b = 2 | a IN (0, 3) AND b = 1 | a > 1 AND b = 0 | a IN (1, 2) AND b IN (3, 4) AND c IN ('a', 'c') | a >= 1 AND a < 3 AND b < 2 | a = 2 AND b BETWEEN 1 AND 2 AND c > 'a' | a = 5 | a = 1 AND b = null | (a, b) = (2, 3)
-- each key: a, b, c | a DESC, b DESC, c DESC | c, a, b | b, c, a
SELECT a, b, c, v FROM pairs WHERE {cond} ORDER BY {key};
-- split: pairs 1 2 3
SELECT a, count(*), sum(v), min(b), max(c) FROM pairs GROUP BY a ORDER BY a;
SELECT b, a, sum(v) FROM pairs GROUP BY b, a ORDER BY b, a LIMIT 6;
SELECT a, b FROM pairs GROUP BY a, b HAVING count(*) > 2 ORDER BY a, b;
SELECT c, sum(v) FROM pairs WHERE a > 0 GROUP BY c ORDER BY 2 DESC;
SELECT a, b, c FROM pairs ORDER BY a, b DESC, c LIMIT 7;
