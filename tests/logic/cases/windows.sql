-- Window functions, frames, grouping sets, ordered aggregates.

CREATE TABLE w (id int PRIMARY KEY, g text, v int, d numeric);
INSERT INTO w VALUES (1, 'a', 10, 1.5), (2, 'a', 20, 2.5), (3, 'a', 20, null), (4, 'b', null, 4), (5, 'b', 5, 5.25), (6, null, 7, 6), (7, 'c', 100, 0), (8, 'a', 15, -1);
-- split: w 3 6
-- each f: row_number() | rank() | dense_rank() | percent_rank() | cume_dist() | ntile(3) | lag(v) | lead(v) | lag(v, 2) | lead(v, 1, -1) | first_value(v) | last_value(v) | nth_value(v, 2) | count(*) | count(v) | sum(v) | avg(v) | min(v) | max(v) | sum(d) | string_agg(id::text, ',')
-- each over: () | (ORDER BY id) | (PARTITION BY g ORDER BY id) | (PARTITION BY g ORDER BY v, id) | (ORDER BY v DESC NULLS LAST, id) | (PARTITION BY g ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) | (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) | (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
SELECT id, {f} OVER {over} AS x FROM w ORDER BY id;

-- each f: rank() | dense_rank() | sum(v) | count(*) | max(id) | last_value(id)
-- each over: (ORDER BY v) | (ORDER BY g) | (ORDER BY v RANGE BETWEEN 5 PRECEDING AND 5 FOLLOWING) | (ORDER BY v RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) | (ORDER BY v GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) | (ORDER BY id ROWS 2 PRECEDING) | (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) | (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) | (ORDER BY v ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES)
SELECT v, {f} OVER {over} AS x FROM w WHERE v IS NULL OR v <> 20 ORDER BY v, x;

SELECT id, sum(v) OVER x, row_number() OVER (x ORDER BY id DESC) FROM w WINDOW x AS (PARTITION BY g) ORDER BY id;
SELECT g, sum(v), rank() OVER (ORDER BY sum(v) DESC NULLS LAST) FROM w GROUP BY g ORDER BY 3, g;
SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY g ORDER BY v DESC NULLS LAST) AS n FROM w) t WHERE n = 1 ORDER BY id;
SELECT id, v - lag(v) OVER (ORDER BY id) AS diff FROM w ORDER BY id;
SELECT id, count(*) FILTER (WHERE v > 10) OVER (ORDER BY id) FROM w ORDER BY id;
SELECT id FROM w WHERE row_number() OVER () = 1;
SELECT id, rank() FROM w;
SELECT sum(rank() OVER ()) FROM w;
SELECT id, ntile(0) OVER (ORDER BY id) FROM w;
SELECT DISTINCT g, count(*) OVER (PARTITION BY g) FROM w ORDER BY g;
SELECT id, row_number() OVER (ORDER BY id) FROM w ORDER BY row_number() OVER (ORDER BY v, id) LIMIT 3;

-- each gs: GROUPING SETS ((g), ()) | ROLLUP (g) | CUBE (g) | GROUPING SETS ((g), (id % 2), ()) | ROLLUP (g, id % 2) | CUBE (g, id % 2) | GROUPING SETS ((g, id % 2), (g))
-- each a: count(*) | sum(v) | max(d)
SELECT {a} AS a FROM w GROUP BY {gs} ORDER BY 1;
SELECT g, grouping(g), sum(v) FROM w GROUP BY ROLLUP (g) ORDER BY grouping(g), g;
SELECT g, id % 2 AS odd, grouping(g, id % 2), count(*) FROM w GROUP BY CUBE (g, id % 2) ORDER BY 3, 1, 2;
SELECT g, count(*) FROM w GROUP BY GROUPING SETS ((g), (g)) ORDER BY 1, 2;
SELECT g, count(*) FROM w WHERE false GROUP BY ROLLUP (g);
SELECT g, count(*) FROM w GROUP BY ROLLUP (g) HAVING count(*) > 1 ORDER BY 1, 2;

-- each a: string_agg(g, ',' ORDER BY id) | string_agg(g, '' ORDER BY v DESC NULLS LAST, id) | array_agg(id ORDER BY id DESC) | array_agg(v ORDER BY id) | array_agg(DISTINCT v) | count(DISTINCT g) | bit_and(v) | bit_or(v) | bit_xor(v) | stddev(v) | var_pop(v) | variance(d) | stddev_samp(d) | percentile_cont(0.5) WITHIN GROUP (ORDER BY v) | percentile_disc(0.5) WITHIN GROUP (ORDER BY v) | mode() WITHIN GROUP (ORDER BY v) | percentile_disc(0.9) WITHIN GROUP (ORDER BY d) | corr(v, id) IS NULL | regr_count(v, id) | covar_pop(v, id) > 0 | sum(DISTINCT v) | avg(DISTINCT v) | json_agg(id ORDER BY id) | jsonb_agg(v ORDER BY id) | json_object_agg(id, v ORDER BY id) | jsonb_object_agg(id, g) | every(v > 0) | max(g) | min(d)
-- each c: true | g = 'a' | false
SELECT {a} AS a FROM w WHERE {c};
SELECT g, array_agg(id ORDER BY id), string_agg(id::text, '+' ORDER BY id DESC) FROM w GROUP BY g ORDER BY g;
