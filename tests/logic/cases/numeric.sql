-- Exact numbers: scales, rounding, overflow, special values.

-- each a: 0 | 1.5 | -2.25 | 100.00 | 0.001 | 12345678901234567890.123456789 | 'NaN'::numeric | null::numeric
-- each b: 1 | 3 | -0.5 | 1e10 | 7.00
-- each op: + | - | * | / | % | = | < | >=
SELECT {a}::numeric {op} {b}::numeric AS r;

-- each a: 1.5 | 2 | 3::bigint | 4::smallint | 2.5::real | 0.1::double precision
-- each b: 2 | 2.0 | 0.5::double precision | 1.25::real
-- each op: + | * | / | <
SELECT {a} {op} {b} AS r;

-- each v: 1.005 | 2.5 | -2.5 | 0.5 | 1234.5678 | -0.05 | 99999.99999
-- each n: 0 | 1 | 2 | 3 | -2
SELECT round({v}, {n}) AS r, trunc({v}, {n}) AS t;

-- each v: 1.5 | -1.5 | 0.4 | -0.4 | 2 | 1e20 | 'NaN'
SELECT round({v}::numeric) AS r, trunc({v}::numeric) AS t, ceil({v}::numeric) AS c, floor({v}::numeric) AS f, abs({v}::numeric) AS a, sign({v}::numeric) AS s, -({v}::numeric) AS m;

-- each t: numeric(5,2) | numeric(3) | numeric(10,4) | numeric
-- each v: 1 | 1.005 | 123.456 | -99.995 | 999.994 | 0.00004 | 'NaN' | '1e2'
SELECT {v}::{t} AS r;
SELECT 1000::numeric(5,2);
SELECT 999.995::numeric(5,2);
SELECT 12345::numeric(3);
SELECT 1::numeric(0);
SELECT 1::numeric(2,3), 0.01234::numeric(2,3);

-- each v: '1.50' | ' 2 ' | '1e5' | '1.5e-3' | '-0' | '+7.' | '.5' | 'nan' | 'Infinity' | '-inf' | '' | 'x' | '1..2' | '1e' | '12345678901234567890123456789012345678901234567890'
SELECT {v}::numeric AS r;

-- each f: sqrt | exp | ln | log
-- each v: 1 | 2 | 10 | 0.5 | 100.00 | 1234567.89
SELECT {f}({v}::numeric) AS r;
SELECT sqrt(-1::numeric);
SELECT ln(0::numeric);
SELECT log(2.0, 64.0), power(2.0, 10), power(2.0, 0.5), power(1.1, -3), 2.0 ^ 3, 0.0 ^ 0;
SELECT 1 / 0.0;
SELECT 5.5 % 0;
SELECT mod(5.5, 2), div(7.5, 2), gcd(12.5, 5), lcm(1.5, 2), scale(1.500), min_scale(1.500), trim_scale(1.500);
SELECT 1.10 = 1.1, 1.10::text, 1.1::text, 1.10 IS DISTINCT FROM 1.1;
SELECT 10.0 / 4, 10 / 4.0, 1 / 3.0, 2.0 / 3, 1e-10 / 3, 100000000000 / 3.0;
SELECT 0.1 + 0.2, 0.1 + 0.2 = 0.3, 1.0 * 1.00, 1.5 - 1.50;
SELECT 'Infinity'::numeric + 1, 'Infinity'::numeric - 'Infinity'::numeric, 'Infinity'::numeric > 1e100, 'NaN'::numeric > 'Infinity'::numeric, 'NaN'::numeric = 'NaN'::numeric;
SELECT v FROM (VALUES (1.5), (-2), (1.25), ('NaN'), (null), (0), (100)) t(v) ORDER BY v;
SELECT v FROM (VALUES (1.5), (-2), (1.25), ('NaN'), (null), (0), (100)) t(v) ORDER BY v DESC;
SELECT sum(v), avg(v), min(v), max(v), count(v) FROM (VALUES (1.5), (2.25), (null), (-1)) t(v);
SELECT sum(v), avg(v) FROM (VALUES (1), (2), (2)) t(v);
SELECT avg(v) FROM (VALUES (1::bigint), (2)) t(v);
SELECT stddev(v), variance(v), stddev_pop(v), var_pop(v), stddev_samp(v), var_samp(v) FROM (VALUES (1), (2), (4), (8)) t(v);
SELECT stddev(v), variance(v), stddev_pop(v) FROM (VALUES (1)) t(v);
SELECT count(DISTINCT v) FROM (VALUES (1.0), (1.00), (1), (2)) t(v);
SELECT v, count(*) FROM (VALUES (1), (1), (2.5), (2.50)) t(v) GROUP BY v ORDER BY v;
SELECT 1.5::integer, 2.5::integer, -0.5::integer, 1.5::bigint, 1e3::smallint, 1.7::real, 1.7::double precision;
SELECT 1e10::numeric::integer;
SELECT 'NaN'::numeric::integer;
SELECT 123.456::text, (-0.5)::text, 1e20::text, 1e-7::text;
SELECT to_char(1234.5, '9999.99'), to_char(-5, '999'), to_char(0.5, '0.99'), to_char(1234567, '9,999,999'), to_char(12, 'FM000'), to_char(485, '999th'), to_char(12.3, 'FM99.99');
SELECT to_number('1,234.5', '9,999.9'), to_number('-12', '99');
SELECT width_bucket(5.35, 0.024, 10.06, 5), numeric '1.5' * 2, 3::numeric;
CREATE TABLE prices (sku numeric PRIMARY KEY, price numeric(8,2), note text);
INSERT INTO prices VALUES (1.5, 10, 'a'), (-3, 2.555, 'b'), (100.25, null, 'c'), (0.001, 99999.99, 'd'), (1e15, 0, 'e'), (-1e-5, 1, 'f');
-- split: prices 0 50
SELECT * FROM prices ORDER BY sku;
SELECT * FROM prices ORDER BY sku DESC LIMIT 2;
-- each v: 1.5 | 1.50 | 100.25 | -3 | 7 | '-0.00001'
SELECT sku, price FROM prices WHERE sku = {v};
-- each op: < | <= | > | >=
-- each v: 0 | 1.5 | 100
SELECT sku FROM prices WHERE sku {op} {v} ORDER BY sku;
INSERT INTO prices VALUES (1.50, 1, 'double');
INSERT INTO prices VALUES (2, 1234567.8, 'too large');
SELECT price * 1.19 AS gross, price / 3 AS third, round(price * 1.19, 2) AS rounded FROM prices ORDER BY sku;
SELECT sum(price), avg(price), max(price), min(sku) FROM prices;
UPDATE prices SET price = price + 0.005 WHERE price IS NOT NULL RETURNING sku, price;
DELETE FROM prices WHERE sku IN (1.5, 0.0010) RETURNING sku;
