-- date, time, timestamp, interval: input, output, arithmetic, fields, zones.

-- each v: 2024-02-29 | 2023-02-29 | 1999-01-08 | January 8, 1999 | 19990108 | 990108 | 1999.008 | J2451187 | 0044-03-15 BC | infinity | -infinity | epoch | 2024-13-01 | 2024-1-5 | x | 10000-01-01 | 5874897-12-31 | 5874898-01-01 | 8 Jan 99 | 1/8/1999
SELECT '{v}'::date AS d;
-- each v: 04:05:06.789 | 04:05 | 040506 | 04:05 AM | 04:05 PM | 24:00:00 | 24:00:01 | 23:59:60 | 23:59:59.9999999 | 25:00 | 12:60 | allballs
SELECT '{v}'::time AS t;
-- each v: 2024-02-03 04:05:06 | 2024-02-03T04:05:06.123456789 | 2024-02-03 | 2024-02-03 04:05:06+02 | Feb 3 04:05:06 2024 | infinity | epoch | 294276-12-31 23:59:59 | 294277-01-01 | 2024-02-30 00:00 | 0001-01-01 00:00:00 BC | 2024-02-03 24:00:00
SELECT '{v}'::timestamp AS ts, '{v}'::timestamptz AS tz;
-- each v: 2024-02-03 04:05:06-08 | 2024-02-03 04:05:06 America/New_York | 2024-07-03 04:05:06 Europe/Berlin | 2024-02-03 04:05:06Z | 2024-02-03 04:05:06 PST | 2024-02-03 04:05:06+05:30 | 2024-03-10 02:30:00 America/New_York | 2024-11-03 01:30:00 America/New_York | 2024-02-03 04:05:06 Nowhere/Else
SELECT '{v}'::timestamptz AS tz;
-- each v: 1 day | 1 year 2 mons 3 days 04:05:06 | -1 day +02:03 | P1Y2M3DT4H5M6S | PT36H | 1.5 days | 1.5 months | 2 weeks | 3 hours ago | 1-2 | 1 12:59:10 | 90 minutes | 1 century | 0 | @ 1 minute | 1.5 years | 100000000 years | 500 ms | 1us | x
SELECT '{v}'::interval AS i;
-- each a: date '2024-01-31' | timestamp '2024-02-29 12:30:00' | timestamptz '2024-03-31 00:00:00+00' | time '23:30'
-- each op: + | -
-- each i: interval '1 day' | interval '1 month' | interval '1 year' | interval '36 hours' | interval '1 mon -1 day 00:00:01'
SELECT {a} {op} {i} AS r;
-- each n: 1 | 28 | -400 | 0
SELECT date '2024-02-01' + {n} AS a, date '2024-02-01' - {n} AS b, {n} + date '2024-02-01' AS c;
SELECT date '2024-03-01' - date '2024-02-01', timestamp '2024-03-01 12:00' - timestamp '2024-02-01', time '12:00' - time '10:30', date '2024-01-01' + time '10:00', timestamptz '2024-01-02 00:00+00' - timestamptz '2024-01-01 00:00+02';
SELECT interval '1 day' * 2.5, interval '1 month' / 2, 3 * interval '10:00', interval '1 day' + interval '25 hours', -interval '1 day 02:00', interval '1 mon' - interval '1 day', interval '1 day' / 0.5;
SELECT interval '1 day' / 0;
-- each f: year | month | day | hour | minute | second | milliseconds | microseconds | dow | isodow | doy | week | isoyear | quarter | decade | century | millennium | epoch | julian
SELECT extract({f} FROM timestamp '2024-12-30 13:14:15.678901') AS ts, date_part('{f}', timestamp '2024-12-30 13:14:15.678901') AS p, extract({f} FROM timestamptz '1999-01-03 23:59:59+00') AS tz;
-- each f: year | month | day | hour | minute | second | epoch | quarter | decade
SELECT extract({f} FROM interval '2 years 3 mons 4 days 05:06:07.5') AS i;
-- each f: year | month | day | dow | week | epoch | hour
SELECT extract({f} FROM date '2024-02-29') AS d;
-- each f: hour | minute | second | epoch | day
SELECT extract({f} FROM time '13:14:15.5') AS t;
SELECT extract(nope FROM timestamp '2024-01-01');
-- each f: microseconds | milliseconds | second | minute | hour | day | week | month | quarter | year | decade | century | millennium | nope
SELECT date_trunc('{f}', timestamp '2024-08-15 13:14:15.678901') AS ts, date_trunc('{f}', timestamptz '2024-08-15 13:14:15.678901+00') AS tz, date_trunc('{f}', interval '2 years 8 mons 4 days 05:06:07.5') AS i;
SELECT date_trunc('day', timestamptz '2024-08-15 03:00+00', 'America/New_York');
-- each z: UTC | Europe/Berlin | America/New_York | Asia/Kolkata | +02 | nope
SELECT timestamp '2024-07-01 12:00' AT TIME ZONE '{z}' AS a, timestamptz '2024-01-01 12:00+00' AT TIME ZONE '{z}' AS b;
-- each z: UTC | Europe/Berlin | America/New_York | Asia/Kolkata
SET TIME ZONE '{z}';
-- each x: 1
SHOW timezone;
SET TIME ZONE 'America/New_York';
SELECT timestamptz '2024-03-10 06:59:59+00', timestamptz '2024-03-10 07:00:00+00', timestamptz '2024-11-03 05:30+00', timestamptz '2024-11-03 06:30+00';
SELECT '2024-07-04 00:00'::timestamptz, '2024-07-04 00:00'::timestamptz::date, '2024-07-04'::date::timestamptz, '2024-07-04 22:00-08'::timestamptz::timestamp;
SELECT timestamptz '2024-03-09 12:00' + interval '1 day', timestamptz '2024-03-09 12:00' + interval '24 hours';
SET TIME ZONE 'UTC';
-- each f: YYYY-MM-DD | HH24:MI:SS.US | HH12:MI AM | Day, DD Mon YYYY | FMDay, FMDD FMMonth | DDD | IYYY-IW | Q | J | SSSS | D ID | "quoted" YY | MON mon Mon MONTH | TZ OF | CC | DDth | WW W | a.m. | Y,YYY
SELECT to_char(timestamp '2024-08-05 03:04:05.006', '{f}') AS ts, to_char(timestamptz '2024-12-31 23:59:59+00', '{f}') AS tz;
SELECT to_char(interval '3 days 04:05:06', 'DD HH24:MI:SS');
SELECT to_date('05 Dec 2000', 'DD Mon YYYY'), to_date('2000-340', 'YYYY-DDD'), to_timestamp('2024-01-02 03:04:05', 'YYYY-MM-DD HH24:MI:SS'), to_timestamp(1700000000.5);
SELECT to_date('nope', 'YYYY-MM-DD');
SELECT age(timestamp '2024-03-01', timestamp '2023-01-31'), age(timestamp '2001-04-10', timestamp '1957-06-13'), age(timestamp '2000-01-01', timestamp '2000-02-29');
SELECT make_date(2024, 2, 29), make_time(8, 15, 23.5), make_timestamp(2013, 7, 15, 8, 15, 23.5), make_interval(days => 10, hours => 2), make_interval(1, 2);
SELECT make_date(2023, 2, 29);
SELECT justify_days(interval '35 days'), justify_hours(interval '27 hours'), justify_interval(interval '1 mon -1 hour'), isfinite(date 'infinity'), isfinite(interval '1 day');
SELECT date_bin('15 minutes', timestamp '2024-02-11 15:44:17', timestamp '2001-01-01');
SELECT (date '2001-02-16', date '2001-12-21') OVERLAPS (date '2001-10-30', date '2002-10-30'), (timestamp '2001-02-16', interval '100 days') OVERLAPS (timestamp '2001-10-30', interval '1 day');
-- each op: = | < | > | <> | <=
SELECT date '2024-01-01' {op} timestamp '2024-01-01 00:00' AS a, interval '1 mon' {op} interval '30 days' AS b, time '10:00' {op} time '09:00' AS c, interval '24:00' {op} interval '1 day' AS d;
SELECT now() = current_timestamp, current_date = now()::date, localtimestamp = now()::timestamp, pg_typeof(now());
SELECT '2024-01-02 03:04:05.678'::timestamp(1), '2024-01-02 03:04:05.678'::timestamp(0), '03:04:05.678'::time(2), '1.23456 seconds'::interval(2);
SELECT v FROM (VALUES (date '2024-01-02'), ('1999-12-31'), (null), ('infinity'), ('-infinity')) t(v) ORDER BY v;
SELECT v FROM (VALUES (interval '1 mon'), ('29 days'), ('31 days'), ('-1 day'), (null)) t(v) ORDER BY v DESC;
SELECT min(v), max(v), count(DISTINCT v) FROM (VALUES (date '2024-01-02'), ('1999-12-31'), ('2024-01-02')) t(v);
SELECT sum(v), avg(v), min(v), max(v) FROM (VALUES (interval '1 day'), ('02:00'), ('1 mon')) t(v);
SELECT * FROM generate_series(timestamp '2024-01-30', timestamp '2024-03-01', interval '10 days');
SELECT * FROM generate_series(timestamptz '2024-01-01', timestamptz '2024-01-02', interval '8 hours') g;
CREATE TABLE ev (d date, t time, at timestamp, z timestamptz, i interval, PRIMARY KEY (d, at));
INSERT INTO ev VALUES ('2024-01-01', '10:00', '2024-01-01 10:00', '2024-01-01 10:00+02', '1 hour'), ('1999-12-31', '23:59:59.5', '1999-12-31 23:59:59.5', '2000-01-01 00:00+01', '1 year'), ('0044-03-15 BC', null, '0044-03-15 12:00 BC', null, '-1 day'), ('infinity', '00:00', 'infinity', '-infinity', null);
-- split: ev '2000-01-01'::date
SELECT * FROM ev ORDER BY d;
SELECT * FROM ev ORDER BY d DESC, at DESC;
-- each c: d = '2024-01-01' | d > date '1999-12-31' | d < '2000-01-01' AND at > '1900-01-01' | z < now() | i > '30 minutes' | at::date = d | t BETWEEN '09:00' AND '11:00' | extract(year FROM d) = 2024 | d IN ('2024-01-01', '1999-12-31') | isfinite(at)
SELECT d, at FROM ev WHERE {c} ORDER BY d;
UPDATE ev SET at = at + interval '1 day', z = z + i WHERE d = '2024-01-01' RETURNING at, z;
