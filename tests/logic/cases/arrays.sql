-- Arrays: literals, subscripts, operators, functions, unnest, ANY and ALL.

-- each v: {1,2,3} | {} | {{1,2},{3,4}} | {1,NULL,3} | [0:2]={1,2,3} | {1,2 | {a} | {{1},{2,3}} | { 1 , 2 } | {"1"}
SELECT '{v}'::int[] AS a;
-- each v: {a,b} | {"a,b","c\"d"} | {NULL,"NULL"} | {"",x} | { spaced , "kept " }
SELECT '{v}'::text[] AS a;
SELECT ARRAY[1, 2, 3], ARRAY['a', null], ARRAY[[1, 2], [3, 4]], ARRAY[1, 2.5], ARRAY[]::int[], ARRAY[true, false];
SELECT ARRAY[];
SELECT ARRAY[1, 'x'];
SELECT ARRAY[[1, 2], [3]];
-- each s: [1] | [3] | [4] | [0] | [1:2] | [2:] | [:2] | [2:1] | [1][1]
SELECT (ARRAY[10, 20, 30]){s} AS r, ('{{1,2},{3,4}}'::int[]){s} AS q;
-- each a: {1,2,3} | {} | {3,2,1} | {1,NULL}
-- each b: {1,2} | {2} | {} | {4}
SELECT '{a}'::int[] || '{b}'::int[] AS cat, '{a}'::int[] @> '{b}'::int[] AS contains, '{a}'::int[] <@ '{b}'::int[] AS within, '{a}'::int[] && '{b}'::int[] AS overlaps, '{a}'::int[] = '{b}'::int[] AS eq, '{a}'::int[] < '{b}'::int[] AS lt;
SELECT ARRAY[1, 2] || 3, 0 || ARRAY[1, 2], ARRAY[[1, 2]] || ARRAY[3, 4], null || ARRAY[1];
-- each x: 1 | 5 | null
-- each a: {1,2,3} | {} | {2,NULL}
SELECT {x}::int = ANY ('{a}'::int[]) AS any_, {x}::int <> ALL ('{a}'::int[]) AS none, {x}::int > ALL ('{a}'::int[]) AS above, {x}::int < ANY ('{a}'::int[]) AS below;
SELECT 1 = ANY (null::int[]), 1 = ANY ('{1,2}'), 'a' = ANY (ARRAY['a', 'b']);
-- each a: {1,2,3} | {} | {{1,2},{3,4}} | [5:6]={7,8} | {1,NULL}
SELECT array_length('{a}'::int[], 1) AS len, array_length('{a}'::int[], 2) AS len2, cardinality('{a}'::int[]) AS card, array_ndims('{a}'::int[]) AS ndims, array_dims('{a}'::int[]) AS dims, array_upper('{a}'::int[], 1) AS up, array_lower('{a}'::int[], 1) AS low, array_to_string('{a}'::int[], '-', '*') AS s;
SELECT array_append(ARRAY[1], 2), array_prepend(0, ARRAY[1]), array_cat(ARRAY[1], ARRAY[2, 3]), array_remove(ARRAY[1, 2, 1, null], 1), array_replace(ARRAY[1, 2, 1], 1, 9), array_position(ARRAY['a', 'b'], 'b'), array_positions(ARRAY[1, 2, 1], 1);
SELECT string_to_array('a,b,,c', ','), string_to_array('a,b', ',', 'b'), string_to_array('abc', null), string_to_array('', ','), array_to_string(ARRAY[1, null, 3], ',');
SELECT array_fill(7, ARRAY[3]), array_fill(0, ARRAY[2, 2]), trim_array(ARRAY[1, 2, 3], 1);
SELECT * FROM unnest(ARRAY[3, 1, 2]) u;
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b', 'c']) AS t(n, s);
SELECT u, o FROM unnest(ARRAY['x', 'y']) WITH ORDINALITY AS t(u, o) ORDER BY o;
SELECT unnest(ARRAY[1, 2, 3]);
SELECT unnest('{{1,2},{3,4}}'::int[]);
SELECT array_agg(v ORDER BY v), array_agg(DISTINCT v) FROM (VALUES (2), (1), (2)) t(v);
SELECT array_agg(v) FROM (VALUES (1)) t(v) WHERE false;
SELECT ARRAY(SELECT g FROM generate_series(1, 4) g ORDER BY g DESC), ARRAY(SELECT 1 WHERE false);
SELECT '{1,2}'::int[]::text, '{1,2}'::int[]::bigint[], '{1,2}'::text[]::int[], ARRAY[1.5, 2.5]::int[];
SELECT v FROM (VALUES ('{1,2}'::int[]), ('{1}'), ('{2}'), ('{}'), (null), ('{1,null}')) t(v) ORDER BY v;
SELECT count(DISTINCT v), max(v) FROM (VALUES ('{1,2}'::int[]), ('{1,2}'), ('{2}')) t(v);
CREATE TABLE tagged (id int PRIMARY KEY, tags text[], nums bigint[] DEFAULT '{}', at date[]);
INSERT INTO tagged VALUES (1, '{red,blue}', '{1,2}', '{2024-01-01}'), (2, '{}', DEFAULT, null), (3, null, '{9223372036854775807}', '{infinity,null}'), (4, ARRAY['green', null], ARRAY[5], null);
-- split: tagged 2 3
SELECT * FROM tagged ORDER BY id;
-- each c: 'red' = ANY (tags) | tags @> '{blue}' | tags = '{}' | tags IS NULL | nums[1] > 1 | array_length(tags, 1) = 2 | id = ANY ('{1,4,9}') | id = ANY (ARRAY[2, 3]) | NOT 'red' = ANY (tags) | cardinality(nums) = 0 | id <> ALL ('{1,2}'::int[]) | id = ANY (ARRAY(SELECT 1))
SELECT id FROM tagged WHERE {c} ORDER BY id;
UPDATE tagged SET tags = tags || 'new', nums = nums || 7::bigint WHERE id = 1 RETURNING tags, nums;
SELECT t.id, u.tag FROM tagged t, unnest(t.tags) AS u(tag) ORDER BY 1, 2;
SELECT tag, count(*) FROM tagged, unnest(tags) tag GROUP BY tag ORDER BY tag;
