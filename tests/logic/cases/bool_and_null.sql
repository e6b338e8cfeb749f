-- Three-valued logic, comparisons with NULL, CASE, COALESCE and their like.

-- each a: true | false | null::boolean
-- each b: true | false | null::boolean
SELECT {a} AND {b} AS "and", {a} OR {b} AS "or", {a} = {b} AS eq, {a} <> {b} AS ne, {a} < {b} AS lt, {a} IS DISTINCT FROM {b} AS dist;

-- each a: true | false | null::boolean
-- each test: IS TRUE | IS NOT TRUE | IS FALSE | IS NOT FALSE | IS UNKNOWN | IS NOT UNKNOWN | IS NULL | IS NOT NULL
SELECT {a} {test} AS answer, NOT ({a} {test}) AS contrary;

-- each a: 1 | 2 | null
-- each list: (1, 2) | (1, null) | (2, 3) | (null, null)
SELECT {a}::int IN {list} AS among, {a}::int NOT IN {list} AS not_among;

-- each x: 0 | 1 | 2 | 3 | null
-- each y: 1 | null
-- each z: 2 | null
SELECT {x}::int BETWEEN {y}::int AND {z}::int AS between_, {x}::int NOT BETWEEN {y}::int AND {z}::int AS not_between, coalesce({x}::int, {y}::int, {z}::int, -1) AS first, nullif({x}::int, {y}::int) AS nullif_, greatest({x}::int, {y}::int, {z}::int) AS most, least({x}::int, {y}::int, {z}::int) AS least_;

-- each x: 1 | 2 | 7 | null
SELECT CASE {x}::int WHEN 1 THEN 'one' WHEN 2 THEN 'two' ELSE 'many' END AS simple, CASE WHEN {x}::int > 1 THEN 'more' WHEN {x}::int IS NULL THEN 'none' END AS searched;

SELECT CASE WHEN true THEN 1 ELSE 1/0 END;
SELECT CASE WHEN false THEN 1 END;
SELECT coalesce(1, 1/0);
SELECT false AND 1/0 = 1;
SELECT true OR 1/0 = 1;
SELECT null = null, null <> null, null IS NOT DISTINCT FROM null;
SELECT 1 WHERE null;
SELECT 1 WHERE NOT null::boolean;
SELECT (1, null) = (1, 2) AS a, (1, null) = (2, null) AS b, (1, 2) = (1, 2) AS c;
SELECT 't'::boolean, 'yes'::boolean, 'off'::boolean, '0'::boolean, ' true '::boolean;
SELECT 'maybe'::boolean;
SELECT true::text, false::text, true::int, 0::boolean, 5::boolean;
SELECT NOT 1;
SELECT 1 AND true;
SELECT count(*) FILTER (WHERE v) AS yes, count(*) FILTER (WHERE NOT v) AS no, count(*) FILTER (WHERE v IS NULL) AS none, bool_and(v), bool_or(v), every(v) FROM (VALUES (true), (false), (null)) t(v);
SELECT bool_and(v), bool_or(v), count(v), count(*) FROM (VALUES (null::boolean)) t(v);
SELECT bool_and(v), bool_or(v), count(v), count(*) FROM (VALUES (true)) t(v) WHERE false;
SELECT v FROM (VALUES (true), (false), (null)) t(v) ORDER BY v;
SELECT v FROM (VALUES (true), (false), (null)) t(v) ORDER BY v DESC;
SELECT v FROM (VALUES (true), (false), (null)) t(v) ORDER BY v NULLS FIRST;
SELECT v FROM (VALUES (true), (false), (null)) t(v) ORDER BY v DESC NULLS LAST;
SELECT DISTINCT v FROM (VALUES (true), (null), (false), (null), (true)) t(v) ORDER BY v;
