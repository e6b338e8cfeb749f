\pset pager off
create table people (id int primary key, name text, born date, height numeric(4,2));
insert into people select i, 'name ' || i, date '2000-01-01' + i, i / 100.0 from generate_series(1, 20) i;
select count(*) as n, max(name) as m from people \gset got_
\echo :got_n :got_m :'got_m' :"got_m"
select 'select ' || i || ' as n' from generate_series(1, 3) i \gexec
select 'create table made' || i || ' (a int)' from generate_series(1, 2) i \gexec
select name, extract(year from born) y, id from people where id < 4 order by id \crosstabview name y id
select 1 as n \g | cat
select id, name from people where id = 3 \gx
select id, name, born, height, 1.5 as x, null as n, now() as at from people \gdesc
\x auto
select * from people where id = 1;
\x off
\pset null '(null)'
\pset format csv
insert into people values (21, null, null, null);
select * from people where id > 19 order by id;
\pset format html
select * from people where id > 20;
\pset format unaligned
select * from people where id > 20;
\pset format aligned
\pset border 2
select * from people where id > 20;
\pset border 1
\if :got_n
\echo twenty
\else
\echo none
\endif
select exists(select from people where id = 5) as there \gset
\if :there
\echo there
\endif
\copy people to 'people.csv' with (format csv, header, null 'NIL')
\! tail -3 people.csv
create table other (like_id int, name text, born date, height numeric);
\copy other from 'people.csv' with (format csv, header true, null 'NIL')
select count(*), count(name), count(born) from other;
\copy (select id, name from people where id > 19 order by id) to stdout with delimiter ';' null 'x'
\copy other (like_id, name) from stdin with (format text)
100	hundred
101	\N
\.
select * from other where like_id > 99 order by 1;
\copy other from stdin csv
102,"a
b",2000-01-01,
nonsense,x,,
\.
select count(*) from other where like_id = 102;
\copy other (like_id, name) from program 'echo 200,prog' csv
select count(*) from other where like_id = 200;
\copy (select id from people where id < 3 order by id) to program 'cat >&2'
prepare p (int) as select name from people where id = $1;
execute p(3);
deallocate p;
begin;
declare c cursor for select id from people order by id;
fetch 2 from c;
move 3 from c;
fetch all from c;
close c;
savepoint s;
select 1/0;
rollback to s;
commit;
\set AUTOCOMMIT off
insert into people values (50);
rollback;
\set AUTOCOMMIT on
select count(*) from people where id = 50;
\set VERBOSITY terse
select nope;
\copy nowhere from 'people.csv'
\set VERBOSITY sqlstate
select nope;
\set VERBOSITY default
\set ON_ERROR_ROLLBACK on
begin;
insert into people values (1);
insert into people values (60);
commit;
\set ON_ERROR_ROLLBACK off
select count(*) from people where id = 60;
\set FETCH_COUNT 3
select id from people order by id;
\unset FETCH_COUNT
select 1 as a \; select 2 as b;
\encoding
\set x 'it''s'
select :'x';
\echo :SQLSTATE :ERROR :ROW_COUNT :LAST_ERROR_SQLSTATE
values (1, 'one'), (2, null);
show server_encoding;
drop table if exists nothing_there;
set client_min_messages = warning;
drop table if exists nothing_there;
reset client_min_messages;
\df split_part
select 1 as again \watch 0.05
