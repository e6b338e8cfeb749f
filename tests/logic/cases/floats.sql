-- double precision and real: text form, special values, rounding.

-- each v: 1 | 1.5 | 0.1 | 1e100 | 1e-5 | 1e-4 | 123456789012345678 | 1e15 | 1e16 | -0 | 'Infinity' | '-Infinity' | 'NaN' | 3.4e38 | 1e-300
SELECT '{v}' AS said;
-- each v: 1 | 1.5 | 0.1 | 1e100 | 1e-5 | 1e-4 | 123456789012345678 | 1e15 | 1e16 | -0.0 | Infinity | -Infinity | NaN | 1e-300 | .5 | 5. | 1e400 | x | 1e-400
SELECT '{v}'::double precision AS v;
-- each v: 1 | 1.5 | 0.1 | 3.4e38 | 1e-5 | 1e-4 | 16777217 | 1e15 | 1234567 | NaN | -Infinity | 1e39 | 1e-46 | 1e-40
SELECT '{v}'::real AS v;
-- each a: 1.5 | -2 | 0.1 | 1e300 | 'NaN' | 'Infinity'
-- each b: 3 | -0.5 | 1e10 | 'NaN'
-- each op: + | - | * | / | = | < | >
SELECT {a}::float8 {op} {b}::float8 AS r;
SELECT 1.0::float8 / 0;
SELECT 1e308::float8 * 10;
SELECT 1e-308::float8 / 1e10 > 0;
SELECT 0.1::float8 + 0.2::float8, 0.1::real + 0.2::real, 0.1::real::float8, 1/3.0::float8;
-- each f: round | trunc | ceil | floor | abs | sign | sqrt | exp | cbrt
-- each v: 0 | 0.5 | 1.5 | 2.5 | 4 | 12.25
SELECT {f}({v}::float8) AS r;
-- each f: sin | cos | tan | atan | degrees | radians | asin | acos
-- each v: 0 | 0.5 | 1
SELECT round({f}({v}::float8)::numeric, 12) AS r;
SELECT sqrt(-1::float8);
SELECT ln(0::float8);
SELECT power(2::float8, 0.5), power(0::float8, -1);
SELECT round(atan2(1, 1)::numeric, 12), pi();
SELECT v FROM (VALUES (1.5::float8), ('NaN'), (null), ('-Infinity'), (0), ('Infinity')) t(v) ORDER BY v;
SELECT v FROM (VALUES (1.5::float8), ('NaN'), (null), ('-Infinity'), (0), ('Infinity')) t(v) ORDER BY v DESC;
SELECT 'NaN'::float8 = 'NaN'::float8, 'NaN'::float8 > 'Infinity'::float8, 0.0::float8 = -0.0::float8;
SELECT sum(v), avg(v), min(v), max(v) FROM (VALUES (1.5::float8), (2), (null)) t(v);
SELECT sum(v), avg(v), min(v), max(v) FROM (VALUES (1.5::real), (2), (null)) t(v);
SELECT 1.5::float8::int, 2.5::float8::int, -1.5::float8::bigint, 1e10::float8::bigint, 1.5::float8::numeric, 0.1::float8::numeric, 0.1::real::numeric;
SELECT 1e10::float8::int;
SELECT 'NaN'::float8::int;
SELECT 1.5::float8::text, 1e20::float8::text, 100::float8, 1::real;
SELECT count(DISTINCT v) FROM (VALUES (0.0::float8), (-0.0), ('NaN'), ('NaN')) t(v);
CREATE TABLE measures (at double precision PRIMARY KEY, v real);
INSERT INTO measures VALUES (1.5, 0.1), (-2e10, 3), ('Infinity', 1), ('-Infinity', 2), (0, null), (1e-300, 5);
-- split: measures 0 100
SELECT * FROM measures ORDER BY at;
SELECT * FROM measures ORDER BY at DESC;
SELECT * FROM measures WHERE at > 0 ORDER BY at;
SELECT * FROM measures WHERE at = 1.5;
SELECT * FROM measures WHERE at = 0;
SELECT * FROM measures WHERE v = 0.1;
SELECT * FROM measures WHERE v = 0.1::real;
INSERT INTO measures VALUES ('-0', 1);
