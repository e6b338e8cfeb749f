-- Text: literals, operators, functions, LIKE.

SELECT 'it''s', E'tab\there', E'\u00e9', U&'d\0061ta', $$dollar$$, $q$a $$ b$q$, '' AS empty;
SELECT 'a' || 'b' || 'c', 'a' || null, 'a' || 1, 1 || 'a', 'x' || true, 'p' || 1.5;
SELECT 1 || 2;

-- each s: 'abc' | '' | 'äöü' | null::text | 'Hello World'
SELECT length({s}) AS l, char_length({s}) AS c, octet_length({s}) AS o, bit_length({s}) AS b, upper({s}) AS up, lower({s}) AS low, initcap({s}) AS init, reverse({s}) AS rev, md5({s}) AS md5;

-- each s: 'hello' | 'äöü' | '' | null::text
-- each n: 0 | 1 | 2 | 10 | -1 | -2
SELECT left({s}, {n}) AS l, right({s}, {n}) AS r, substr({s}, {n}) AS sub, repeat({s}, {n}) AS rep, lpad({s}, {n}, 'xy') AS lp, rpad({s}, {n}, 'xy') AS rp;

-- each s: 'hello' | 'äöüß' | ''
-- each a: 0 | 1 | 3 | -2 | 9
-- each n: 0 | 1 | 3 | 100
SELECT substring({s} FROM {a} FOR {n}) AS a, substr({s}, {a}, {n}) AS b;

SELECT substring('hello' FROM 2 FOR -1);
SELECT substr('hello', 2, -1);

-- each s: '  x  ' | 'xxyxx' | '' | null::text
SELECT trim({s}) AS t, ltrim({s}) AS l, rtrim({s}) AS r, btrim({s}, 'x ') AS b, ltrim({s}, 'x') AS lx, rtrim({s}, 'x') AS rx;
SELECT trim(both 'x' from 'xxhixx'), trim(leading 'x' from 'xxhixx'), trim(trailing from 'hi  ');

-- each s: 'a,b,c' | 'abc' | ',,' | ''
-- each n: 1 | 2 | 3 | 4 | -1
SELECT split_part({s}, ',', {n}) AS part;
SELECT split_part('a,b', ',', 0);
SELECT split_part('a,b', '', 1), split_part('a,b', '', 2);

-- each s: 'hello' | 'äh' | ''
-- each p: 'l' | 'lo' | 'x' | '' | 'h'
SELECT strpos({s}, {p}) AS a, position({p} in {s}) AS b, starts_with({s}, {p}) AS st, replace({s}, {p}, '-') AS re;

-- each s: 'abc' | 'a%c' | 'a_c' | '' | 'ABC' | E'a\nc' | null::text
-- each p: 'abc' | 'a%' | '%c' | '%b%' | 'a_c' | '_' | '%' | '' | 'a\%c' | 'a\_c' | '___' | 'A%'
SELECT {s} LIKE {p} AS l, {s} NOT LIKE {p} AS nl, {s} ILIKE {p} AS il;

SELECT 'a%c' LIKE 'a!%c' ESCAPE '!', 'a!c' LIKE 'a!!c' ESCAPE '!';
SELECT 'abc' LIKE 'abc\';
SELECT translate('12345', '143', 'ax'), translate('abc', 'ab', ''), ascii('a'), ascii('ä'), ascii(''), chr(65), chr(228);
SELECT chr(0);
SELECT overlay('Txxxxas' placing 'hom' from 2 for 4), overlay('abcdef' placing 'X' from 3);
SELECT concat('a', null, 1, true), concat_ws(',', 'a', null, 'b', 2), concat_ws(null, 'a'), concat();
SELECT format('Hello %s, %1$s %%', 'World'), format('%I %L', 'a b', 'it''s'), format('%L', null), format('%10s|%-10s|', 'a', 'b');
SELECT format('%s');
SELECT quote_ident('a b'), quote_ident('ab'), quote_literal('it''s'), quote_nullable(null), quote_literal(E'a\\b');
SELECT to_hex(48879), encode('abc'::bytea, 'hex'), encode('abc'::bytea, 'base64'), decode('616263', 'hex'), decode('YWJj', 'base64'), encode('\x00ff'::bytea, 'escape');
SELECT decode('zz', 'hex');
SELECT '\xdeadbeef'::bytea, E'\\000abc'::bytea, length('\xdeadbeef'::bytea), '\x01'::bytea || '\x02'::bytea;
SELECT '\xzz'::bytea;
SELECT sha256('abc'::bytea), md5('abc');
SELECT 'a' < 'b', 'a' < 'B', 'ä' > 'z', 'abc' < 'abcd', '' < 'a';
SELECT v FROM (VALUES ('b'), ('a'), ('B'), ('ä'), (''), (null)) t(v) ORDER BY v;
SELECT min(v), max(v), count(DISTINCT v) FROM (VALUES ('b'), ('a'), ('B'), ('a')) t(v);
SELECT string_agg(v, ',' ORDER BY v) FROM (VALUES ('b'), ('a'), (null)) t(v);
SELECT string_agg(v, ',' ORDER BY v DESC) FROM (VALUES ('b'), ('a'), (null)) t(v);
SELECT string_agg(DISTINCT v, '' ORDER BY v) FROM (VALUES ('b'), ('a'), ('b')) t(v);
SELECT 'abc'::varchar(2), 'abc'::char(5) || '|', 'abc'::varchar, length('ab  '::char(5)), octet_length('ab'::char(5));
SELECT 'ab '::char(3) = 'ab'::char(5), 'ab '::varchar = 'ab'::varchar, 'ab '::text = 'ab'::text;
SELECT cast(123 AS text), cast('12' AS integer) + 1, 12::varchar || 'x', 1.50::text, true::varchar;
SELECT 'a' 'b';
SELECT 'a'
'b' AS joined;
SELECT regexp_replace('foobar', 'o+', 'X'), regexp_replace('foobarfoo', 'foo', 'X', 'g'), regexp_replace('abc', '(b)', '[\1]');
SELECT 'foobar' ~ 'o{2}', 'foobar' ~ '^b', 'FOO' ~* 'foo', 'foo' !~ 'x', 'FOO' !~* 'foo';
SELECT substring('foobar' from 'o(.)b'), substring('foobar' from 'x');
SELECT regexp_match('foobarbequebaz', '(bar)(beque)'), regexp_split_to_array('a, b,c', ',\s*');
SELECT 'abc' SIMILAR TO 'a%', 'abc' SIMILAR TO '(a|b)c', 'abc' SIMILAR TO '_b_';
SELECT lower('ÄÖ'), upper('äö');
