-- Integer arithmetic: result types, overflow, division and its signs.

-- each a: 0 | 1 | 7 | -7 | 2147483647 | -2147483648 | 2147483648 | 9223372036854775807 | -9223372036854775808
-- each b: 1 | -1 | 2 | 3 | -3
-- each op: + | - | * | / | %
SELECT {a} {op} {b} AS r;

-- each a: 5::smallint | 5 | 5::bigint
-- each b: 2::smallint | 2 | 2::bigint
-- each op: + | - | * | / | % | = | < | >=
SELECT {a} {op} {b} AS r;

-- each t: smallint | integer | bigint
-- each v: 0 | 1 | -1 | 32767 | 32768 | -32768 | -32769 | 2147483647 | 2147483648 | -2147483648 | -2147483649 | 9223372036854775807 | 9223372036854775808 | -9223372036854775808 | -9223372036854775809
SELECT '{v}'::{t} AS from_text, ({v})::{t} AS from_number;

-- each t: smallint | integer | bigint
-- each v: '' | ' 12 ' | '+3' | '1.5' | '1e3' | 'x' | '1 2' | '--1' | '0x10'
SELECT {v}::{t} AS v;

-- each f: abs | - | + | @
-- each v: 5 | (-5) | 0 | (-2147483648) | 32767::smallint | (-32768)::smallint | (-9223372036854775808)
SELECT {f}({v}) AS r;

-- each a: 7 | -7 | 0 | 9223372036854775807
-- each b: 3 | -3 | 1
SELECT mod({a}, {b}) AS mod, div({a}, {b}) AS div, sign({a}) AS sign;

-- each f: gcd | lcm
-- each a: 12 | -12 | 0 | 17 | 1000000007
-- each b: 18 | 0 | 5
SELECT {f}({a}, {b}) AS r;

-- each a: 0 | 1 | 5 | 255 | -1
-- each b: 0 | 1 | 3 | 7
-- each op: & | \| | # | << | >>
SELECT {a} {op} {b} AS r;

SELECT 1 / 0;
SELECT 1 % 0;
SELECT 1::bigint / 0;
SELECT mod(1, 0);
SELECT 32767::smallint + 1::smallint;
SELECT 2147483647 + 1;
SELECT 9223372036854775807 + 1;
SELECT -2147483648 / -1;
SELECT (-9223372036854775808) / -1;
SELECT (-9223372036854775808) % -1;
SELECT - (-2147483648);
SELECT abs((-32768)::smallint);
SELECT ~5, ~0, ~(-1), ~5::bigint, ~5::smallint;
SELECT 1 + '2', '3' * 2, 7 / '2';
SELECT 1 + 'x';
SELECT 2 ^ 10, 2 ^ 0.5, (-2) ^ 3, 2.0 ^ 3;
SELECT 1 < 2, 2 <= 2, 3 <> 4, 3 != 3, 5 >= 6, 5 > 4;
SELECT 1 = 1::smallint, 1::bigint = 1::smallint;
SELECT 1.5::int, 2.5::int, -1.5::int, -2.5::int, 0.5::int, 1.4999::bigint;
SELECT 1e10::int;
SELECT 1e18::bigint, 1e19::bigint;
SELECT 1e19::bigint;
SELECT to_hex(255), to_hex(-1), to_hex(9223372036854775807);
SELECT 0x1F;
SELECT sum(v), min(v), max(v), avg(v), count(v) FROM (VALUES (1), (2), (4)) t(v);
SELECT sum(v), min(v), max(v), avg(v), count(v) FROM (VALUES (1::bigint), (2), (4)) t(v);
SELECT sum(v), min(v), max(v), avg(v), count(v) FROM (VALUES (1::smallint), (2::smallint), (4::smallint)) t(v);
SELECT sum(v) FROM (VALUES (9223372036854775807), (1)) t(v);
SELECT sum(v) FROM (VALUES (2147483647), (1)) t(v);
SELECT sum(v), avg(v), min(v), max(v) FROM (VALUES (1)) t(v) WHERE false;
SELECT sum(v), avg(v) FROM (VALUES (1), (null), (4)) t(v);
SELECT sum(DISTINCT v), count(DISTINCT v), avg(DISTINCT v) FROM (VALUES (1), (1), (2), (null)) t(v);
SELECT v, count(*) FROM generate_series(1, 10) g(i), LATERAL (SELECT i % 3 AS v) x GROUP BY v ORDER BY v;
SELECT * FROM generate_series(1, 5);
SELECT * FROM generate_series(5, 1, -2);
SELECT * FROM generate_series(1, 5, 0);
SELECT * FROM generate_series(3, 1);
SELECT generate_series FROM generate_series(2147483645, 2147483647);
SELECT i FROM generate_series(-3, 3, 3) AS g(i) ORDER BY i DESC;
SELECT power(2, 3), power(2, -1), sqrt(16), sqrt(2), cbrt(27), exp(0), ln(1), log(100), log(2, 8);
SELECT round(5), trunc(5), ceil(5), floor(5), ceiling(-5);
SELECT factorial(5), factorial(0), factorial(20);
SELECT width_bucket(5, 0, 10, 5), width_bucket(-1, 0, 10, 5), width_bucket(11, 0, 10, 5);
