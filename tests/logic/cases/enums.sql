-- Enums: values, their order, keys and indexes, changes of the type.

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE mood AS ENUM ('x');
CREATE TYPE en_twice AS ENUM ('a', 'b', 'a');
CREATE TYPE en_none AS ENUM ();
CREATE TYPE en_long AS ENUM ('0123456789012345678901234567890123456789012345678901234567890123');
CREATE TYPE en_edge AS ENUM ('012345678901234567890123456789012345678901234567890123456789012', 'with ''quotes''', 'Größe', '', ' ', 'a,b', '{x}', '"');
CREATE TYPE other AS ENUM ('happy', 'ok', 'sad', 'angry');
SELECT enum_range(NULL::en_edge);
SELECT unnest(enum_range(NULL::en_edge)) ORDER BY 1;
SELECT enum_range(NULL::en_none);
SELECT enum_first(NULL::en_none);
SELECT 'x'::en_none;
-- each v: 'sad' | 'ok' | 'great' | '' | 'Sad' | ' ok' | NULL | 'ok'::text | 'ok'::varchar | 'ok'::char(4) | 1 | true | 'ok'::other | 'ok'::other::text | '2020-01-01'::date
SELECT {v}::mood AS v, pg_typeof({v}::mood) AS t;
-- each op: = | <> | < | <= | > | >=
-- each l: 'sad'::mood | 'ok'::mood | 'happy'::mood | NULL::mood
-- each r: 'ok' | 'ok'::mood | 'happy'::mood | NULL | 'nosuch' | 'ok'::text | 'ok'::other | 1
SELECT {l} {op} {r} AS answer;
-- each t: text | varchar | varchar(2) | char(5) | name | int | bool | json | jsonb | bytea | other | "char" | oid
SELECT 'happy'::mood::{t} AS v;
-- each f: length({x}) | upper({x}) | upper({x}::text) | {x} || '!' | '!' || {x} | {x} || {x} | concat({x}, 1) | format('%s %L', {x}, {x}) | to_json({x}) | to_jsonb({x}) | json_build_object('k', {x}) | json_build_array({x}, 1) | {x} LIKE 'h%' | {x}::text LIKE 'h%' | {x} + 1 | - {x} | abs({x}) | coalesce({x}, 'ok') | nullif({x}, 'happy') | nullif({x}, 'ok') | greatest({x}, 'ok') | least({x}, 'ok') | {x} IS NULL | {x} IS DISTINCT FROM 'ok' | {x} IN ('ok', 'happy') | {x} NOT IN ('ok', 'sad') | {x} BETWEEN 'ok' AND 'happy' | CASE {x} WHEN 'happy' THEN 1 ELSE 2 END | CASE WHEN true THEN {x} ELSE 'sad' END | {x} = ANY ('{sad,happy}') | {x} = ANY (ARRAY['sad', 'happy']::mood[]) | {x} > ALL ('{sad,ok}'::mood[]) | ARRAY[{x}, 'ok'] | ARRAY[{x}, 'nosuch'] | pg_typeof({x}) | enum_first({x}) | enum_last({x}) | enum_range({x}) | enum_range('ok', {x}) | enum_range({x}, 'ok') | enum_range({x}, NULL) | enum_range(NULL, {x}) | md5({x}::text) | {x}::text::other
-- each x: 'happy'::mood
SELECT {f} AS v;
-- each f: array_length({x}, 1) | {x}[1] | {x}[2:3] | {x} || 'ok'::mood | {x} || 'ok' | 'ok'::mood || {x} | array_append({x}, 'ok') | array_append({x}, 'nosuch') | array_prepend('ok', {x}) | array_remove({x}, 'sad') | array_replace({x}, 'sad', 'ok') | array_position({x}, 'sad') | array_cat({x}, {x}) | array_to_string({x}, ',') | to_json({x}) | to_jsonb({x}) | {x} = '{happy,sad}' | {x} < '{happy,ok}' | {x} @> '{sad}' | {x} <@ '{sad,happy,ok}' | {x} && '{ok}' | 'sad' = ANY ({x}) | 'ok' < ALL ({x}) | {x}::text | {x}::text[] | {x}::other[] | {x}::text[]::other[] | cardinality({x}) | unnest({x}) | {x} IS NULL | coalesce({x}, '{}') | enum_first({x}) | json_build_object('k', {x}) | greatest({x}, '{sad}') | pg_typeof({x}) | format('%s', {x})
-- each x: '{happy,sad}'::mood[]
SELECT {f} AS v;
SELECT '{happy,nosuch}'::mood[];
SELECT ARRAY['happy', 'sad']::mood[], '{{sad,ok},{ok,NULL}}'::mood[], ARRAY[]::mood[];
SELECT * FROM unnest('{happy,sad,ok}'::mood[]) WITH ORDINALITY AS u (m, n) ORDER BY m;

-- Columns.
CREATE TABLE en_p (id int PRIMARY KEY, m mood DEFAULT 'ok' CHECK (m <> 'sad'), o mood, a mood[] NOT NULL DEFAULT '{ok}');
INSERT INTO en_p VALUES (1, 'happy', 'sad', '{sad}'), (2, DEFAULT, 'happy', DEFAULT), (3, 'ok', NULL, '{}'), (4, 'happy', 'ok', '{happy,NULL}') RETURNING *;
INSERT INTO en_p VALUES (5, 'sad');
INSERT INTO en_p VALUES (5, 'bad');
INSERT INTO en_p VALUES (5, 'ok'::text);
INSERT INTO en_p VALUES (5, 7);
INSERT INTO en_p VALUES (5, 'ok'::other);
INSERT INTO en_p (id, a) VALUES (5, '{nosuch}');
INSERT INTO en_p (id, m) SELECT 5, 'happy' RETURNING m;
INSERT INTO en_p (id, m) SELECT 6, x FROM (SELECT 'happy'::text AS x) AS s;
INSERT INTO en_p (id, o) SELECT 10 + i, (enum_range(NULL::mood))[1 + i % 3] FROM generate_series(1, 60) AS g (i);
-- split: en_p 3 20 40
-- each c: m > 'ok' | m = 'ok' AND o = 'happy' | o IN ('sad', 'happy') | o NOT IN ('sad', 'nosuch') | o IS NULL | m <> o | m < o | o BETWEEN 'sad' AND 'ok' | 'ok' = ANY (a) | o = (SELECT max(m) FROM en_p) | o::text = 'sad' | o::text < 'ok' | o > 'happy' | o >= 'happy' OR m = 'happy' | m = ANY (a)
-- each d: id | o, id | o DESC, id | o DESC NULLS LAST, id DESC | a, o, id
SELECT id, m, o, a FROM en_p WHERE {c} ORDER BY {d};
-- each g: o | m | a | m, o | o::text
SELECT {g}, count(*), min(m), max(o), count(DISTINCT o), min(id), array_agg(o ORDER BY o DESC, id) FROM en_p GROUP BY {g} ORDER BY {g};
SELECT o, count(*) FROM en_p GROUP BY o HAVING max(o) > 'sad' ORDER BY o;
SELECT DISTINCT o FROM en_p ORDER BY o DESC;
SELECT DISTINCT ON (o) o, id FROM en_p ORDER BY o, id DESC;
SELECT m, o, count(*) FROM en_p GROUP BY ROLLUP (m, o) ORDER BY 1, 2, 3;
SELECT string_agg(o::text, ',' ORDER BY o, id) FROM en_p WHERE id < 20;
SELECT string_agg(o, ',') FROM en_p;
SELECT json_agg(o ORDER BY id), jsonb_agg(a ORDER BY id), json_object_agg(id, o ORDER BY id) FROM en_p WHERE id < 5;
SELECT jsonb_object_agg(o, id) FROM en_p WHERE id < 3;
SELECT sum(o) FROM en_p;
SELECT id, o, lag(o) OVER w, first_value(o) OVER w, rank() OVER (ORDER BY o) FROM en_p WHERE id < 15 WINDOW w AS (ORDER BY o, id) ORDER BY o, id;
SELECT a.id, b.id FROM en_p a JOIN en_p b ON a.m = b.o AND a.id < 5 AND b.id < 14 ORDER BY 1, 2;
SELECT x.m, count(id) FROM (SELECT unnest(enum_range(NULL::mood)) AS m) AS x LEFT JOIN en_p ON en_p.o = x.m GROUP BY 1 ORDER BY 1;
SELECT o FROM en_p UNION SELECT 'happy' ORDER BY 1;
SELECT o FROM en_p EXCEPT SELECT 'happy'::mood ORDER BY 1;
SELECT o FROM en_p UNION SELECT 'happy'::text;
SELECT o FROM en_p UNION SELECT 'happy'::other;
SELECT 'ok'::mood UNION SELECT 'happy' ORDER BY 1;
SELECT * FROM (VALUES (1, 'ok'::mood), (2, 'sad'), (3, NULL)) AS v (n, m) ORDER BY m;
SELECT * FROM (VALUES (1, 'ok'::mood), (2, 'nosuch')) AS v (n, m);
WITH RECURSIVE r AS (SELECT 'sad'::mood AS m, 1 AS n UNION ALL SELECT (enum_range(NULL::mood))[n + 1], n + 1 FROM r WHERE n < 3) SELECT * FROM r ORDER BY m;
UPDATE en_p SET o = m, a = a || m WHERE o IS NULL AND id = 3 RETURNING *;
UPDATE en_p SET o = 'nosuch';
UPDATE en_p SET o = CASE WHEN id = 1 THEN 'ok' ELSE 'sad' END WHERE id < 3;
UPDATE en_p SET o = (CASE WHEN id = 1 THEN 'ok' ELSE 'sad' END)::mood WHERE id < 3 RETURNING id, o;
DELETE FROM en_p WHERE o = 'sad' AND id > 40 RETURNING id, o;
PREPARE en_q (mood) AS SELECT id FROM en_p WHERE m = $1 AND id < 10 ORDER BY id;
PREPARE en_r AS SELECT id, o FROM en_p WHERE o >= $1 AND id < 5 ORDER BY id;
EXECUTE en_r ('ok');
EXECUTE en_r ('nosuch');

-- Keys and indexes.
CREATE TABLE en_k (m mood, n int, v text, PRIMARY KEY (m, n));
INSERT INTO en_k SELECT (enum_range(NULL::mood))[1 + i % 3], i / 3, 'v' || i FROM generate_series(0, 29) AS g (i);
INSERT INTO en_k VALUES ('ok', 3, 'again');
INSERT INTO en_k VALUES ('ok', 3, 'again') ON CONFLICT (m, n) DO UPDATE SET v = excluded.v RETURNING *;
INSERT INTO en_k VALUES (NULL, 3, 'again');
-- each c: m = 'ok' | m > 'sad' AND n < 4 | m < 'happy' AND n = 9 | m IN ('happy', 'sad') AND n = 3 | (m, n) > ('ok', 7) | m >= 'ok' AND m <= 'ok' AND n > 5 | m <> 'ok' AND n < 2
-- each d: m, n | m DESC, n | n, m
SELECT * FROM en_k WHERE {c} ORDER BY {d};
SELECT min(m), max(m) FROM en_k;
CREATE TABLE en_c (id int PRIMARY KEY, m mood, n int, FOREIGN KEY (m, n) REFERENCES en_k ON DELETE CASCADE);
INSERT INTO en_c VALUES (1, 'ok', 3), (2, 'happy', 0), (3, NULL, 99);
INSERT INTO en_c VALUES (4, 'ok', 30);
DELETE FROM en_k WHERE m = 'ok' RETURNING n;
SELECT * FROM en_c ORDER BY id;
CREATE TABLE en_bad (m other, n int, FOREIGN KEY (m, n) REFERENCES en_k);
CREATE INDEX en_p_o ON en_p (o DESC, id);
CREATE INDEX en_p_part ON en_p (id) WHERE o > 'sad';
CREATE UNIQUE INDEX en_c_m ON en_c (m);
INSERT INTO en_c VALUES (5, 'happy', 0);
CREATE INDEX en_no ON en_p ((o::text));
SELECT id FROM en_p WHERE o = 'happy' AND id < 30 ORDER BY o DESC, id;
SELECT id FROM en_p WHERE o > 'sad' AND id < 20 ORDER BY id;
SELECT o, id FROM en_p ORDER BY o DESC, id LIMIT 4;
SELECT o, id FROM en_p WHERE o < 'happy' ORDER BY o, id DESC LIMIT 4;

-- The type changes.
ALTER TYPE mood ADD VALUE 'ecstatic';
ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok';
ALTER TYPE mood ADD VALUE 'fine' AFTER 'ok';
ALTER TYPE mood ADD VALUE 'dead' BEFORE 'sad';
ALTER TYPE mood ADD VALUE 'ok';
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'ok';
ALTER TYPE mood ADD VALUE 'x' AFTER 'nosuch';
ALTER TYPE mood ADD VALUE '0123456789012345678901234567890123456789012345678901234567890123';
ALTER TYPE nosuch ADD VALUE 'x';
SELECT enum_range(NULL::mood), enum_first(NULL::mood), enum_last(NULL::mood);
EXECUTE en_r ('ok');
EXECUTE en_r ('fine');
INSERT INTO en_p (id, o, a) VALUES (90, 'fine', '{dead,ecstatic}'), (91, 'meh', '{}'), (92, 'dead', DEFAULT) RETURNING *;
SELECT o, count(*) FROM en_p GROUP BY o ORDER BY o;
SELECT id, o FROM en_p WHERE o < 'ok' AND id > 80 ORDER BY o;
SELECT id, o, a FROM en_p WHERE id < 5 ORDER BY a, id;
INSERT INTO en_k VALUES ('meh', 1, 'x'), ('ecstatic', 1, 'y');
SELECT * FROM en_k WHERE n = 1 ORDER BY m;
SELECT 'dead'::mood < 'sad', 'meh'::mood BETWEEN 'sad' AND 'ok', 'ecstatic' > 'happy'::mood;
ALTER TYPE mood RENAME VALUE 'fine' TO 'good';
ALTER TYPE mood RENAME VALUE 'nosuch' TO 'x';
ALTER TYPE mood RENAME VALUE 'good' TO 'dead';
SELECT id, o FROM en_p WHERE o = 'good';
SELECT id, o FROM en_p WHERE o = 'fine';
SELECT enumlabel FROM pg_enum WHERE enumtypid = 'mood'::regtype ORDER BY enumsortorder;
SELECT typname, typtype, typcategory, typlen, typbyval, typdelim, typelem = 0 AS plain, typinput, typoutput FROM pg_type WHERE typname IN ('mood', '_mood') ORDER BY 1;
SELECT column_name, data_type, udt_schema, udt_name, column_default FROM information_schema.columns WHERE table_name = 'en_p' ORDER BY ordinal_position;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'en_p'::regclass AND attnum > 0 ORDER BY attnum;
COMMENT ON TYPE mood IS 'how it goes';
SELECT obj_description('mood'::regtype, 'pg_type');
SELECT 'mood'::regtype, 'mood[]'::regtype, '_mood'::regtype, to_regtype('nosuch');

-- In transactions and with schemas.
BEGIN;
CREATE TYPE inside AS ENUM ('one', 'two');
CREATE TABLE en_i (i inside PRIMARY KEY);
INSERT INTO en_i VALUES ('two'), ('one');
SELECT * FROM en_i ORDER BY i;
ROLLBACK;
SELECT 'one'::inside;
BEGIN;
CREATE TYPE inside AS ENUM ('one', 'two');
CREATE TABLE en_i (i inside PRIMARY KEY);
SAVEPOINT a;
DROP TABLE en_i;
DROP TYPE inside;
SELECT 'one'::inside;
ROLLBACK TO a;
INSERT INTO en_i VALUES ('two');
COMMIT;
SELECT * FROM en_i;
BEGIN;
ALTER TYPE inside RENAME VALUE 'two' TO 'zwei';
SELECT * FROM en_i;
ROLLBACK;
SELECT * FROM en_i;
CREATE SCHEMA en_s;
CREATE TYPE en_s.mood AS ENUM ('blue', 'red');
SELECT 'red'::en_s.mood, 'red'::en_s.mood > 'blue' AS gt, '{red,blue}'::en_s.mood[] AS a;
SELECT 'red'::mood;
SELECT 'red'::en_s.nosuch;
SELECT 'red'::nosuch.mood;
CREATE TABLE en_s.t (m en_s.mood DEFAULT 'red', ms en_s.mood[]);
INSERT INTO en_s.t VALUES (DEFAULT, '{blue,red}') RETURNING *;
SELECT m = 'sad'::mood FROM en_s.t;
SET search_path = en_s, public;
SELECT 'red'::mood, 'sad'::public.mood;
SELECT m, pg_typeof(m) FROM t;
RESET search_path;
SELECT m, pg_typeof(m), pg_typeof(ms) FROM en_s.t;
ALTER TYPE en_s.mood RENAME TO color;
ALTER TYPE en_s.color SET SCHEMA public;
ALTER TYPE color RENAME TO mood;
ALTER TYPE color RENAME TO color;
SELECT m, pg_typeof(m) FROM en_s.t WHERE m = 'red'::color;
DROP SCHEMA en_s;
DROP TYPE mood;
DROP TYPE nosuch;
DROP TYPE IF EXISTS nosuch;
DROP TABLE mood;
DROP TYPE en_p;
SELECT * FROM mood;
INSERT INTO mood VALUES (1);
CREATE TABLE color (id int);
CREATE VIEW en_v AS SELECT id, o, o > 'ok' AS above, 'red'::color AS c FROM en_p WHERE o IS NOT NULL;
SELECT * FROM en_v WHERE id < 5 OR id > 80 ORDER BY o, id;
DROP TYPE color;
DROP TABLE en_s.t;
DROP TYPE color;

-- Types of columns.
CREATE TABLE en_z (id int PRIMARY KEY, s text);
INSERT INTO en_z VALUES (1, 'sad'), (2, 'happy'), (3, 'ok'), (4, NULL);
ALTER TABLE en_z ALTER COLUMN s TYPE mood;
ALTER TABLE en_z ALTER COLUMN s TYPE mood USING s::mood;
SELECT * FROM en_z ORDER BY s;
ALTER TABLE en_z ADD COLUMN t mood DEFAULT 'good' NOT NULL;
SELECT * FROM en_z ORDER BY t, s;
ALTER TABLE en_z ALTER COLUMN t SET DEFAULT 'nosuch';
ALTER TABLE en_z ALTER COLUMN t SET DEFAULT 'dead';
INSERT INTO en_z (id) VALUES (5) RETURNING *;
ALTER TABLE en_z ALTER COLUMN s TYPE other USING s::text::other;
SELECT id, s FROM en_z ORDER BY s;
ALTER TABLE en_z ALTER COLUMN s TYPE text;
SELECT id, s FROM en_z ORDER BY s;
CREATE TABLE en_g (id int PRIMARY KEY, a mood, b mood CHECK (b IN ('sad', 'ok', 'happy')), top mood GENERATED ALWAYS AS (greatest(a, b)) STORED);
INSERT INTO en_g (id, a, b) VALUES (1, 'ok', 'sad'), (2, 'happy', 'ok'), (3, NULL, 'sad') RETURNING *;
INSERT INTO en_g (id, b) VALUES (4, 'good');
ALTER TABLE en_g ALTER COLUMN a TYPE text;
UPDATE en_g SET a = 'ecstatic' WHERE id = 3 RETURNING *;
ALTER TYPE mood RENAME VALUE 'ecstatic' TO 'glad';
SELECT * FROM en_g ORDER BY top;
CREATE TABLE en_copy AS SELECT id, t, ARRAY[t] AS ts FROM en_z;
SELECT * FROM en_copy ORDER BY id;
DROP VIEW en_v;
DROP TABLE en_p, en_c, en_k, en_z, en_g, en_copy, en_i;
DROP SCHEMA en_s CASCADE;
DROP TYPE mood, other, en_none, en_edge, inside, color;
SELECT 'ok'::mood;
SELECT count(*) FROM pg_enum;
