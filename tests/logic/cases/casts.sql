-- What may be cast to what, and what happens without being asked.

-- each v: 1 | 1::smallint | 1::bigint | 1.5 | 1.5::float8 | 1.5::real | true | '1' | 'x'::text | '1'::text | '\x01'::bytea | '2024-01-02'::date | '2024-01-02 03:04:05'::timestamp | '03:04:05'::time | '1 day'::interval | '2024-01-02 03:04:05+00'::timestamptz | 'ab'::char(3) | 'ab'::varchar(5) | '12345678-1234-1234-1234-123456789abc'::uuid | '{"a": 1}'::json | '[1]'::jsonb | '{1,2}'::int[]
-- each t: boolean | smallint | integer | bigint | numeric | real | double precision | text | varchar(3) | char(4) | bytea | date | time | timestamp | timestamptz | interval | uuid | json | jsonb | int[] | text[]
SELECT ({v})::{t} AS r;

-- each v: 1 | 1.5 | 'a' | true | '2024-01-02'::date | null
-- each w: 2 | 2.5 | 'b' | false | '2024-01-03'
SELECT v FROM (SELECT {v} AS v UNION ALL SELECT {w}) t;

-- each v: 1 | 1::bigint | 2.5 | 3.5::float8 | '4' | null
-- each w: 2 | 1::smallint | 2.5 | 0.5::real
SELECT CASE WHEN true THEN {v} ELSE {w} END AS c, coalesce({v}, {w}) AS d, greatest({v}, {w}) AS g;

CREATE TABLE takes (id int PRIMARY KEY, s smallint, b bigint, n numeric(6,2), f double precision, t text, v varchar(3), c char(3), o boolean);
-- each col: s | b | n | f | t | v | c | o
-- each v: 1 | 1.5 | 70000 | 'ab' | 'abcd' | '12' | true | null | 1e3 | 1.5::float8
INSERT INTO takes (id, {col}) VALUES (1, {v}) ON CONFLICT (id) DO UPDATE SET {col} = excluded.{col} RETURNING {col};
SELECT * FROM takes;
-- each e: id = '1' | id = 1.0 | id = 1::bigint | id = 1::smallint | id = true | id = '1'::text | id IN (1, 2.5) | id = 1.5 | t = 1 | n = '1.5' | o = 'true' | v = 'ab' | c = 'ab' | f > 1
SELECT id FROM takes WHERE {e};
