-- json and jsonb.

-- each v: {"a": 1, "b": [1, 2, {"c": null}]} | [] | {} | "x" | 1.50 | true | null | {"a":1,"a":2} | {"bb": 1, "a": 2} | {"a" : "\u00e4\n"} | [1, "2", false] | {bad} | [1,] | "unclosed | 01 | 1e5 | -0 | nul | "\ud83d\ude00" | 
SELECT '{v}'::json AS j;
-- each v: {"a": 1, "b": [1, 2, {"c": null}]} | [] | {} | "x" | 1.50 | true | null | {"a":1,"a":2} | {"bb": 1, "a": 2} | {"a" : "\u00e4\n"} | [1, "2", false] | {bad} | [1,] | "unclosed | 01 | 1e5 | -0 | nul | "\ud83d\ude00"
SELECT '{v}'::jsonb AS j;
-- each t: json | jsonb
-- each op: -> 'a' | ->> 'a' | -> 'b' | ->> 'b' | -> 'x' | #> '{b,1}' | #>> '{b,1}' | #> '{b,2,c}' | #>> '{b,2,c}' | -> 1 | ->> 0
SELECT '{"a": "s", "b": [1, 2, {"c": null}]}'::{t} {op} AS r, '[10, "x"]'::{t} {op} AS s;
-- each a: {"a": 1, "b": 2} | [1, 2, 3] | {"a": {"b": [1]}} | "a" | 1
-- each b: {"a": 1} | [1] | {} | [] | 1 | "a"
SELECT '{a}'::jsonb @> '{b}'::jsonb AS contains, '{a}'::jsonb <@ '{b}'::jsonb AS within, '{a}'::jsonb = '{b}'::jsonb AS eq, '{a}'::jsonb < '{b}'::jsonb AS lt, '{a}'::jsonb || '{b}'::jsonb AS cat;
SELECT '{"a": 1, "b": 2}'::jsonb ? 'a', '["a", "b"]'::jsonb ? 'b', '{"a": 1}'::jsonb ?| array['x', 'a'], '{"a": 1}'::jsonb ?& array['x', 'a'];
SELECT '{"a": 1, "b": 2}'::jsonb - 'a', '[1, 2, 3]'::jsonb - 1, '{"a": {"b": 1}}'::jsonb #- '{a,b}', '[1,2]'::jsonb - (-1);
SELECT jsonb_build_object('a', 1, 'b', null, 'c', true, 'd', 'x', 'e', 1.5), json_build_object('a', 1), jsonb_build_array(1, 'a', null, false), json_build_array();
SELECT jsonb_build_object('a');
SELECT to_json('x'::text), to_jsonb(1.50), to_json(true), to_jsonb(null::int), to_json(date '2024-01-02'), to_jsonb(array[1, 2]);
-- each v: 1 | "a" | null | [] | {} | true
SELECT json_typeof('{v}'), jsonb_typeof('{v}');
SELECT json_array_length('[1, 2, [3]]'), jsonb_array_length('[]');
SELECT jsonb_array_length('{}');
SELECT jsonb_extract_path('{"a": {"b": 5}}', 'a', 'b'), jsonb_extract_path_text('{"a": {"b": "x"}}', 'a', 'b'), json_extract_path_text('{"a": 1}', 'a');
SELECT jsonb_set('{"a": 1}', '{a}', '2'), jsonb_set('{"a": 1}', '{b}', '2'), jsonb_set('{"a": 1}', '{b}', '2', false), jsonb_set('[1, 2]', '{0}', '"x"'), jsonb_insert('[1, 2]', '{1}', '9'), jsonb_insert('{"a": [1]}', '{a, 0}', '0', true);
SELECT jsonb_pretty('{"a": [1, {"b": 2}], "c": {}}');
SELECT jsonb_strip_nulls('{"a": null, "b": {"c": null, "d": 1}, "e": [null]}'), json_strip_nulls('{"a": null, "b": 1}');
SELECT * FROM jsonb_each('{"b": 2, "a": "x"}') ORDER BY key;
SELECT * FROM jsonb_each_text('{"b": 2, "a": "x", "n": null}') ORDER BY key;
SELECT * FROM json_each('{"b": 2, "a": "x"}') ORDER BY key;
SELECT * FROM jsonb_array_elements('[1, "a", null, [2]]');
SELECT value FROM jsonb_array_elements_text('[1, "a", null]') ORDER BY value;
SELECT * FROM jsonb_object_keys('{"b": 1, "a": 2}') ORDER BY 1;
SELECT '{"a": 1}'::json::jsonb, '{"a":  1}'::jsonb::text, '{"a":  1}'::json::text, '5'::jsonb::int, 'true'::jsonb::boolean, '1.5'::jsonb::numeric;
SELECT '"a"'::jsonb::int;
SELECT '{"a": 1}'::json = '{"a": 1}'::json;
SELECT v FROM (VALUES ('1'::jsonb), ('"a"'), ('null'), ('[1]'), ('{"a": 1}'), ('true'), ('2'), ('[]')) t(v) ORDER BY v;
SELECT count(DISTINCT v) FROM (VALUES ('{"a": 1, "b": 2}'::jsonb), ('{"b": 2, "a": 1}'), ('{"a": 1.0, "b": 2}')) t(v);
CREATE TABLE docs (id int PRIMARY KEY, j jsonb, raw json);
INSERT INTO docs VALUES (1, '{"name": "Ann", "tags": ["a", "b"], "n": 5}', '{"x":  1}'), (2, '{"name": "Bob", "tags": []}', null), (3, null, '[]');
-- split: docs 2
SELECT id, j ->> 'name' AS name, j -> 'tags' -> 0 AS first FROM docs ORDER BY id;
SELECT id FROM docs WHERE j @> '{"tags": ["a"]}';
SELECT id FROM docs WHERE j ->> 'name' = 'Bob';
SELECT id FROM docs WHERE (j ->> 'n')::int > 3;
UPDATE docs SET j = jsonb_set(j, '{n}', to_jsonb(coalesce((j ->> 'n')::int, 0) + 1)) WHERE j IS NOT NULL RETURNING id, j;
SELECT d.id, t.value FROM docs d, jsonb_array_elements_text(d.j -> 'tags') t ORDER BY 1, 2;
SELECT jsonb_agg(j ->> 'name' ORDER BY id), json_agg(id ORDER BY id), jsonb_object_agg(id, j -> 'n') FROM docs;
SELECT raw, raw ->> 'x' FROM docs ORDER BY id;
