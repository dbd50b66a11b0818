-- SPDX-License-Identifier: MIT
-- Statements whose results through the relay must be those without it, byte for byte. Most mention what the gate looks for.
\set VERBOSITY verbose
\set SHOW_CONTEXT always
create table datname (catalog text, "database" int, dbname text default 'mes_e2e_db');
insert into datname values ('mes_e2e_db', 1), ('datname = ''x''', 2), (null, 3), (E'tab\tand \\ back', 4) returning *;
select catalog, "database" from datname where dbname = 'mes_e2e_db' order by 2;
select d.datname from (values ('mes_e2e_db'), ('other')) d(datname) where d.datname = 'other';
select $$ drop database postgres; $$, $q$ 'mes_e2e_db' $q$, 'create database x', e'it\'s \x41', U&'d\0061t';
select /* drop database postgres /* nested */ */ 1 -- database datname
;
select 1 as "database", 2 as "datname", 3 as catalog;
create function database(datname text) returns text language sql as $f$ select 'database ' || datname $f$;
select database('x'), database(datname := 'y');
comment on column datname.catalog is 'the database';
comment on table datname is 'create database x template y';
do $do$ begin raise notice 'database %', 'mes_e2e_db'; end $do$;
do $do$ begin raise exception 'no database %', 'here' using hint = 'datname', errcode = 'DB001'; end $do$;
do $do$ declare r record; begin for r in select 'database' as x loop raise warning '%', r.x; end loop; end $do$;
prepare p(text) as select count(*) from datname where catalog = $1;
execute p('mes_e2e_db');
deallocate p;
begin; declare c cursor for select "database" from datname order by 1; fetch 2 from c; fetch all from c; close c; commit;
begin; select 1/0; select 'database'; rollback;
begin; savepoint s; insert into datname values ('a', 1, 'b'); rollback to s; select count(*) from datname; commit;
select no_such_column, current_database() is null from datname;
select 'ä€𝄞' || x from datname where datname.database = 1 and current_database() = nosuch;
select * from pg_catalog.pg_database where nosuch = 1;
select 1 from pg_database d join pg_stat_activity a on a.datname = d.datname where false;
select pg_catalog.count(*) > 0 from pg_catalog.pg_class where relkind in ('r', 'i') and relname like 'pg\_%';
select table_name, column_name, data_type from information_schema.columns where table_name = 'datname' order by 1, 2;
select constraint_catalog is null, constraint_name from information_schema.table_constraints where table_name = 'datname';
copy datname (catalog, "database") to stdout;
copy datname (catalog, "database") from stdin;
database	10
datname	11
\.
select count(*) from datname;
listen database; notify database, 'datname';
select array['database', 'datname'], row('database', 1), '{"database": 1}'::jsonb -> 'database', xmlelement(name database) is null;
select generate_series(1, 3) as database; select repeat('database ', 3);
select "database" from "datname" where "catalog" ~ '^(mes_e2e_db)$' and "catalog" not in ('x', 'y');
set standard_conforming_strings = off; set escape_string_warning = off;
select 'a\'database', 'datname = \'x\'' as x; set standard_conforming_strings = on;
explain (costs off) select * from datname where dbname = 'database';
select string_agg(md5(g::text), '') ~ 'database' from generate_series(1, 20000) g;
select length(string_agg(repeat('database ', 100), '')) from generate_series(1, 5000);
select 'host=x dbname=mes_e2e_db port=1' as database, 'dbname=y';
drop function database; drop table datname;
\d nosuch
\dn
\dt
\dx
\df database
\db
\dconfig work_mem
