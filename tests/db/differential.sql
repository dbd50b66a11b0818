-- SPDX-License-Identifier: MIT
-- One line is one message. Behind <- stand the values of its parameters, or the data of its COPY, separated by |.
-- Nothing here may print an object id or a process id, or leave anything behind.

-- tables to speak of
create schema d
set search_path = d, public
create table d.datname (catalog text, "database" int, dbname text default 'mes_e2e_db')
create table d.item (id int primary key, name text not null unique, price numeric(10,2) check (price >= 0), tags text[], doc jsonb, made timestamptz default '2020-01-01 00:00:00+00')
create table d.mes_e2e_db (datname text, n int)
insert into item select g, 'item ' || g, g * 1.5, array['a', 'database'], jsonb_build_object('datname', 'mes_e2e_db', 'n', g), '2020-01-01 00:00:00+00' from generate_series(1, 20) g
insert into datname values ('mes_e2e_db', 1), ('datname = ''x''', 2), (null, 3), (E'tab\tand \\ back', 4) returning *
insert into mes_e2e_db values ('mes_e2e_db', 1), ('postgres', 2), ('other', 3)
create index item_doc on item using gin (doc)
create view d.dear as select * from item where price > 20
create sequence d.counter start 5
create type d.mood as enum ('sad', 'database', 'happy')
create type d.pair as (datname text, n int)
create domain d.positive as int check (value > 0)
create function d.database(datname text) returns text language sql as $f$ select 'database ' || datname $f$
create function d.shout(text) returns text language plpgsql as 'begin raise notice ''shouting %'', $1; return upper($1); end'
create procedure d.quiet(inout x int) language plpgsql as $$ begin x := x + 1; raise log 'database'; end $$
create function d.audit() returns trigger language plpgsql as $$ begin raise notice '% on % in %', tg_op, tg_table_name, current_database(); return new; end $$
create trigger audit before update on item for each row execute function d.audit()

-- who am I, where am I
select current_database()
select current_catalog
select current_catalog::text, current_user, session_user, current_schema
select current_database() || '!', md5(current_catalog) = md5(current_database())
select current_database() = 'mes_e2e_db', 'mes_e2e_db' = current_database(), current_database() in ('mes_e2e_db', 'x'), current_database() <> 'mes_e2e_db'
select current_database() like 'mes%', current_database() like 'mes\_e2e\_%', current_database() ~ '^mes_e2e', current_database() ilike 'MES%'
select current_database() = $1 <- mes_e2e_db
select current_database() = $1 and $2 = 'mes_e2e_db' <- mes_e2e_db|mes_e2e_db
select $1::text as mine, current_database() <- mes_e2e_db
select case current_database() when 'mes_e2e_db' then 'mine' else 'not mine' end
select case when current_database() = 'mes_e2e_db' then 1 else 0 end as here
select coalesce(current_database(), 'none'), nullif(current_database(), 'x')
select json_build_object('db', current_database()), to_jsonb(current_database()::text), array[current_database()::text]
select xmlelement(name db, current_database()) is not null
select pg_typeof(current_database()), pg_column_size(current_schema) > 0
values (current_database(), 'mes_e2e_db'), ('x', 'y')
table datname order by "database"

-- the catalogs
select datname from pg_database order by 1
select datname from pg_catalog.pg_database order by datname desc limit 2
select d.datname from pg_database d order by 1 offset 1
select d.datname from pg_database as d where d.datname <> 'postgres' order by 1
select count(*) from pg_database
select datname from pg_database where datname = 'mes_e2e_db'
select datname from pg_database where 'mes_e2e_db' = datname
select datname from pg_database where datname = current_database()
select datname from pg_database where datname in ('mes_e2e_db', 'template1') order by 1
select datname from pg_database where datname not in ('mes_e2e_db', 'template1') order by 1
select datname from pg_database where datname = any (array['mes_e2e_db', 'x'])
select datname from pg_database where datname = any ('{mes_e2e_db,postgres}') order by 1
select datname from pg_database where datname like 'mes%'
set my.name = 'mes_e2e_db'
select datname from pg_database where datname = current_setting('my.name')
select datname from pg_database where datname = pg_catalog.format('%s_%s', 'mes', 'e2e_db') or datname <> concat('post', 'gres') and datname not like 'templ%' order by 1
select datname from pg_database where datname = 'mes_' || 'e2e_db' and datname = concat(current_database())
select datname from pg_database where datname = $1 || '_db' <- mes_e2e
select datname from pg_database where datname like concat($1, '%') and datname = any(string_to_array('template1,mes_e2e_db', ',')) is not null <- mes
select datname from pg_database where current_setting('my.name') = 'x' or current_database() = replace('mes-e2e-db', '-', '_') order by 1 limit 1
do $$ begin if not exists (select from pg_database where datname = format('%s_db', 'mes_e2e')) then raise exception 'not there'; end if; end $$
do 'begin if not exists (select from pg_database where datname = concat(''mes_'', ''e2e_db'')) then raise exception ''not there''; end if; end'
(table pg_database) except table pg_database
select count(*) from (table pg_catalog.pg_database) d
reindex system mes_e2e_db
reindex (verbose false) system mes_e2e_db
select datname from pg_database where datname ~ '^mes' or datname ~ 'plate1$' order by 1
select datname from pg_database where datname ~ 'mes_e2e_db$' or datname ~* '^(POSTGRES|x)$' order by 1
select datname from pg_database where datname !~ '^mes_e2e_db$' and datname !~~ 'template%'
select datname from pg_database where datname is not distinct from 'mes_e2e_db' or datname is not distinct from $1 order by 1 <- template1
select datname from pg_database where datname is distinct from 'mes_e2e_db' and 'postgres'::name = datname
select datname from pg_database where $1::text = datname and datname collate "C" = 'mes_e2e_db' and datname collate pg_catalog."C" <> $$x$$ <- mes_e2e_db
select datname from pg_database where datname like '%e2e_db' or datname like 'm%db' or datname = $q$nosuch$q$
select datname from pg_database where datname not like 'template_' and datname not like '%gres'
select datname from pg_database where datname like 'mes\_e2e\_db' escape '\' or cast(datname as text) = 'x'
select datname from pg_database where datname not similar to '(postgres|template_)' and cast(datname as text) = 'mes_e2e_db'
select datname from pg_database where datname similar to '(mes|our)_e2e_db' or datname similar to 'template%' order by 1
select pg_database.datname, pg_catalog.pg_database.datallowconn from pg_catalog.pg_database order by 1
select datname from pg_database where datname = any ($1) order by 1 <- {mes_e2e_db,postgres,"no, such",null}
select datname from pg_database where datname = any ($1::text[]) and datname <> all ($2::name[]) order by 1 <- {mes_e2e_db,postgres}|{postgres}
select case datname when 'mes_e2e_db' then 'mine' when 'postgres' then 'all' else 'other' end from pg_database order by 1
select datname from pg_database where datname ~ '^(mes_e2e_db)$'
select datname from pg_database where datname operator(pg_catalog.~) '^(mes_e2e_db)$' collate pg_catalog.default
select datname from pg_database where datname = E'mes_e2e_db'
select datname from pg_database where lower(datname) = 'mes_e2e_db'
select datname from pg_database where not datistemplate order by datname
select datname from pg_database where datname = $1 <- mes_e2e_db
select datname from pg_database where datname = $1 or datname = $2 order by 1 <- mes_e2e_db|postgres
select datname from pg_database where datname in ($1, $2) order by 1 <- mes_e2e_db|nosuch
select datname from pg_database where datname = $1 and $2 = 'mes_e2e_db' <- mes_e2e_db|mes_e2e_db
select count(*) from pg_database where datname = $1 <- nosuch
select exists (select from pg_database where datname = 'mes_e2e_db'), exists (select from pg_database where datname = 'nosuch')
select exists (select 1 from pg_catalog.pg_database where datname = $1) <- mes_e2e_db
select 1 from pg_database where datname = 'mes_e2e_db' and datallowconn
select datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datistemplate, datallowconn, datconnlimit from pg_database where datname = 'mes_e2e_db'
select oid = (select oid from pg_database where datname = 'mes_e2e_db') from pg_database where datname = current_database()
select a.datname from pg_database a join pg_database b using (datname) order by 1
select a.datname from pg_database a, pg_roles r where r.oid = a.datdba and a.datname = 'mes_e2e_db'
with mine as (select * from pg_database where datname = 'mes_e2e_db') select datname, datallowconn from mine
select (select datname from pg_database where oid = a.datid) from pg_stat_activity a where pid = pg_backend_pid()
select datname, usename, state from pg_stat_activity where pid = pg_backend_pid()
select datname, count(*) from pg_stat_activity where datname = 'mes_e2e_db' group by 1
select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
select pg_terminate_backend(pid) from pg_stat_activity where datname = 'mes_e2e_db' and pid <> pg_backend_pid()
select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid() <- mes_e2e_db
select datname from pg_stat_database where datname = 'mes_e2e_db'
select datname is not null from pg_stat_database where datname = current_database()
select pg_database_size('mes_e2e_db') > 0, pg_database_size(current_database()) = pg_database_size('mes_e2e_db')
select pg_size_pretty(pg_database_size('mes_e2e_db')) <> ''
select pg_database_size($1) > 0 <- mes_e2e_db
select pg_database_size('nosuch')
select has_database_privilege('mes_e2e_db', 'CONNECT'), has_database_privilege('mes_user', 'mes_e2e_db', 'CREATE'), has_database_privilege(current_database(), 'TEMP')
select has_database_privilege('nosuch', 'CONNECT')
select has_database_privilege($1, 'CONNECT') <- mes_e2e_db
select datname from pg_database where has_database_privilege(datname, 'CONNECT') and datname like 'mes%'
select d.datname, pg_catalog.shobj_description(d.oid, 'pg_database') from pg_catalog.pg_database d where d.datname = 'mes_e2e_db'
select catalog_name, schema_name from information_schema.schemata where schema_name = 'd'
select catalog_name from information_schema.information_schema_catalog_name
select table_catalog, table_schema, table_name, table_type from information_schema.tables where table_catalog = 'mes_e2e_db' and table_schema = 'd' order by 3
select table_name from information_schema.tables where table_catalog = $1 and table_schema = $2 order by 1 <- mes_e2e_db|d
select table_name from information_schema.tables where table_catalog = current_database() and table_schema = 'd' order by 1
select table_catalog, column_name, data_type, udt_catalog, is_nullable, column_default from information_schema.columns where table_schema = 'd' and table_name = 'item' order by ordinal_position
select constraint_catalog, constraint_name, table_catalog, constraint_type from information_schema.table_constraints where table_schema = 'd' and constraint_type <> 'CHECK' order by 2
select unique_constraint_catalog from information_schema.referential_constraints
select sequence_catalog, sequence_name from information_schema.sequences where sequence_catalog = 'mes_e2e_db' and sequence_schema = 'd'
select specific_catalog, routine_catalog, routine_name from information_schema.routines where routine_schema = 'd' order by 3
select trigger_catalog, event_object_catalog, trigger_name from information_schema.triggers where trigger_schema = 'd'
select domain_catalog, domain_name from information_schema.domains where domain_schema = 'd'
select view_catalog, view_name, table_catalog from information_schema.view_table_usage where view_schema = 'd'
select table_catalog || '.' || table_schema || '.' || table_name from information_schema.tables where table_schema = 'd' order by 1
select c.relname, c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'd' order by 1
select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a where a.attrelid = 'd.datname'::regclass and a.attnum > 0 order by a.attnum
select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 'd.item'::regclass order by 1
select pg_get_viewdef('d.dear'::regclass)
select proname, prosrc from pg_proc where pronamespace = 'd'::regnamespace and proname <> 'audit' order by 1
select pg_get_functiondef('d.database'::regproc)
select indexdef from pg_indexes where schemaname = 'd' order by 1
select schemaname, tablename, tableowner from pg_tables where schemaname = 'd' order by 2
select rolname, rolsuper, rolcreatedb from pg_roles where rolname = 'mes_user'
select name, setting from pg_settings where name in ('standard_conforming_strings', 'search_path', 'server_encoding') order by 1
select count(*) from pg_prepared_xacts
select locktype, mode from pg_locks where database = (select oid from pg_database where datname = 'mes_e2e_db') and locktype = 'advisory'
select setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where d.datname = 'mes_e2e_db'
select tableoid::regclass, datname from pg_database where datname = 'mes_e2e_db'

-- names that the server computes with
select length(current_database()), right(current_database(), 3), upper(current_catalog), md5(current_database()), lpad(current_database(), 12, '-')
select current_database()::text in (values ('mes_e2e_db'), ('x')), 'mes_e2e_db' in (select current_database()), 'mes_e2e_db' = any (select datname from pg_database)
select *, pg_catalog.current_database() from current_database(), current_database() x(n), "pg_catalog".current_database() as y
select current_database(), count(*) from item group by current_database() order by current_database()
select set_config('my.name', current_database(), false), current_setting('my.name') = current_database()
with c(n) as (values ('mes_e2e_db')) select n from c join pg_database d on d.datname = c.n
select x from (values ('mes_e2e_db'), ('nope')) v(x) where exists (select from pg_database where datname = v.x)
select array_agg(datname order by datname) @> array['mes_e2e_db'::name] from pg_database
select datname from pg_database where length(datname) = 10 or (datname, datallowconn) = ('postgres', true) order by 1
select substr(datname, 1, 3) || substr(datname, 8) from pg_database where position('_db' in datname) = 8
select datname from pg_database where datname = (select 'mes_' || 'e2e_db') and datname between 'mes_e2e_da' and 'mes_e2e_db'
select datname from only pg_database where datname = 'mes_e2e_db'
select datname from only (pg_catalog.pg_database) where datname = 'mes_e2e_db'
select d.datname from (pg_database d cross join item) join (pg_database e join pg_roles r on r.oid = e.datdba) on e.oid = d.oid where d.datname like 'mes%' and id = 1
select i.id, d.datname from item i, lateral (select datname from pg_database where length(datname) > i.id) d, pg_stat_database s where i.id = 9 and s.datname = d.datname order by 2 limit 1
select count(*) from pg_database * where datname = $1 and $2 <> $1 <- mes_e2e_db|x
select row_to_json(x)::jsonb ? 'datname', count(pg_database) from pg_database, (select 'mes_e2e_db'::name as datname) x group by x.*
create temp table seen as select current_database() as n, 'x' as y
select n = 'mes_e2e_db', length(n), n from seen
insert into seen values (current_database(), current_catalog) returning n, y, current_database()
update seen set y = current_database() where n = current_database() and y = 'x' returning length(y)
drop table seen
create temp table log(db text default current_database() check (db like '%e2e_db'), n int)
insert into log(n) values (1) returning db, length(db)
select count(*) from log where db = 'mes_e2e_db'
drop table log
create temp view shown as select current_database() as db, datname, length(datname) as n from pg_database
select datname, n from shown where datname = db
drop view shown
prepare byname(name) as select datname, $1 = current_database() from pg_database where datname = $1
execute byname('mes_e2e_db')
deallocate byname
do $$ declare want text := 'mes_e2e_db'; begin if current_database() <> want or length(current_database()) <> 10 then raise exception 'in % not %', current_database(), want; end if; end $$
do $$ declare r record; begin for r in select datname as d from pg_database loop if r.d = 'mes_e2e_db' then return; end if; end loop; raise exception 'none'; end $$
do $$ declare d text := 'mes_e2e_db'; begin execute 'alter database ' || quote_ident(d) || ' set work_mem = 7777'; execute format('alter database %I reset all', current_database()); end $$
do $$ declare d text := 'mes_e2e_db'; n int; begin execute 'select count(*) from pg_database where datname = $1' into n using d; if n <> 1 then raise exception 'none'; end if; end $$
create function d.there(d text) returns boolean language sql as $$ select exists (select from pg_database where datname = d) $$
select d.there('mes_e2e_db'), d.there(current_database()), d.there('nosuch')
select length(table_catalog), upper(table_catalog::text), table_catalog || '.x' from information_schema.tables t where t.table_catalog in (select current_database()) and table_name = 'witness'
select table_catalog::text, count(*) from information_schema.tables where 'mes_e2e_db' = table_catalog and table_name = 'witness' group by table_catalog order by table_catalog
select count(pg_database_size(datname)), bool_and(has_database_privilege('mes_user', datname, 'CONNECT')) from pg_database where datname = 'mes_e2e_db'
select pg_database_size(datname) = pg_database_size(d.oid) from pg_database d where datname = 'mes_e2e_db'
select count(*) from pg_stat_activity where datname || '' = 'mes_e2e_db'
select pg_terminate_backend(-5), pg_cancel_backend(pid) is null from pg_stat_activity where false

-- names of three parts
select who from mes_e2e_db.public.witness
select w.who from mes_e2e_db.public.witness w join mes_e2e_db.public.witness x on x.who = w.who
select count(*) from "mes_e2e_db".d.item
select * from mes_e2e_db order by n
select mes_e2e_db.datname from mes_e2e_db where mes_e2e_db.datname = 'mes_e2e_db'
select d.mes_e2e_db.n from d.mes_e2e_db where d.mes_e2e_db.datname = 'postgres'
select datname from mes_e2e_db where datname = 'mes_e2e_db'
select datname, n from d.mes_e2e_db where datname in ('mes_e2e_db', 'other') order by n
update mes_e2e_db set datname = 'mes_e2e_db' where datname = 'other' returning *
delete from mes_e2e_db where datname = $1 returning n <- postgres
select 'mes_e2e_db.public.witness'::regclass::text
select to_regclass('mes_e2e_db.public.witness')::text, to_regclass('mes_e2e_db.public.nosuch')::text
select nosuch.public.witness.who from nosuch.public.witness
select 1 from nosuch.public.witness
select count(*) from item i, mes_e2e_db.public.witness w where w.who = 'x'
create table d.t1 (id serial, m mes_e2e_db.d.mood)
create table d.t2 (like mes_e2e_db.d.t1)
truncate mes_e2e_db.d.t1, "mes_e2e_db".d.t2
grant select on mes_e2e_db.d.t1, mes_e2e_db.d.t2 to public
lock table mes_e2e_db.d.t1, mes_e2e_db.d.t2
select nextval('mes_e2e_db.d.t1_id_seq'), currval(' "mes_e2e_db".d.t1_id_seq'), pg_relation_size('mes_e2e_db.d.t1'), has_table_privilege('mes_e2e_db.d.t2', 'select')
select 'happy'::mes_e2e_db.d.mood, cast('sad' as mes_e2e_db.d.mood), mes_e2e_db.d.database('x'), cast('mes_e2e_db.d.t1' as regclass)::text
comment on column mes_e2e_db.d.t1.m is 'x'
drop table mes_e2e_db.d.t1, mes_e2e_db.d.t2
create schema mes_e2e_db create table t (x int)
select mes_e2e_db.t.x, count(*) from mes_e2e_db.t where mes_e2e_db.t.x = 1 group by mes_e2e_db.t.x
drop schema mes_e2e_db cascade
insert into mes_e2e_db.d.mes_e2e_db values ('again', 9) returning datname
truncate mes_e2e_db.d.mes_e2e_db

-- what only looks like a database
select $$ drop database postgres; $$, $q$ 'mes_e2e_db' $q$, 'create database x', e'it\'s \x41', U&'d\0061t'
select /* drop database postgres /* nested */ */ 1 -- database datname
select 1 as "database", 2 as "datname", 3 as catalog, 4 dbname
select 'mes_e2e_db', "database" from datname where dbname = 'mes_e2e_db' order by 2
select catalog, "database" from datname where catalog = 'mes_e2e_db'
select d.datname from (values ('mes_e2e_db'), ('other')) d(datname) where d.datname = 'other'
select database('x'), database(datname := 'y'), d.database('mes_e2e_db')
select 'host=x dbname=mes_e2e_db port=1' as database, 'dbname=y'
select '{"database": "mes_e2e_db"}'::jsonb ->> 'database', '{"datname": {"a": 1}}'::jsonb #>> '{datname,a}'
select doc ->> 'datname' from item where doc @> '{"datname": "mes_e2e_db"}' and id = 3
select 'database' like '%base', 'datname' similar to '%(name|base)', 'mes_e2e_db' ~ 'e2e'
select 'mes_e2e_db'::name, 'mes_e2e_db'::d.mood
select 'database'::d.mood, enum_first(null::d.mood)
select row('mes_e2e_db', 1)::d.pair, (row('x', 2)::d.pair).datname
select quote_literal('mes_e2e_db'), quote_ident('mes_e2e_db'), format('%I.%L', 'mes_e2e_db', 'mes_e2e_db')
select regexp_replace('database mes_e2e_db', 'mes_e2e_db', 'x'), position('mes' in 'mes_e2e_db'), overlay('mes_e2e_db' placing 'x' from 1 for 3)
select string_agg(name, ' database ' order by id) from item where id < 4
select $1::text || ' database' <- mes_e2e_db
select $1 = 'mes_e2e_db', $2::jsonb <- mes_e2e_db|{"datname": "mes_e2e_db"}
select 'ä€𝄞' || 'database' as "ünïcode datname"
select $tag$ $ta$ database $tag$, $_1$x$_1$
select 'a' 'b'
select E'\'database\'' E'x'
select B'101', X'1f', 1e3, .5, 1.5e-2, 0
select 1 --comment datname
select 'it''s a ''database'''
select "item"."id" from "d"."item" where "item"."name" = 'item 1'
select 5 as "da""base", 6 as "mes_e2e_db"
comment on column datname.catalog is 'the database'
comment on table datname is 'create database x template y'
select obj_description('d.datname'::regclass), col_description('d.datname'::regclass, 1)

-- errors, with places
select no_such_column from item
select no_such_column from pg_database
select no_such_column, current_database() from datname
select datname from pg_database where nosuch = 'mes_e2e_db'
select * from pg_database d where d.datname = 'mes_e2e_db' and d.nosuch = 1
select 'ä€𝄞' || x from datname where datname.database = 1 and current_database() = nosuch
select * from nosuch where datname = 'mes_e2e_db'
select * from pg_database, nosuch
select count(*) from pg_database, pg_stat_activity where x
selct datname from pg_database
select datname form pg_database
select (datname from pg_database
select 'unterminated database
select $x$ unterminated database
select /* unterminated database
select "unterminated database
select 1 from pg_database where datname = 'mes_e2e_db' and
select 1/0
select 1/0 from pg_database where datname = 'mes_e2e_db'
select 'x'::int, 'database'
select current_database()::int
select 'mes_e2e_db'::int
select cast(datname as int) from pg_database where datname = 'mes_e2e_db'
insert into item values (1, 'database', 1)
insert into item (id, name, price) values (99, 'datname', -1)
insert into item (id) values (98)
insert into item select 97, datname from pg_database where datname = 'mes_e2e_db' returning id, name
delete from item where id = 97 returning name
insert into nosuch values ('mes_e2e_db')
update item set nosuch = 1
update item set name = current_database() where id = 1 returning name
update item set name = 'item 1' where id = 1
create table item (x int)
create table d.bad (x nosuchtype)
drop table nosuch
drop function nosuch(text)
select nosuch('database')
select database(1, 2)
select -5::d.positive
select (-5)::d.positive
alter table item add constraint nosuch check (nosuch > 0)
select * from dear where nosuch
select sum(name) from item
select id, count(*) from item
select * from generate_series(1, 3) g(datname) where datname > 'x'
select set_config('nosuch', 'x', false)
set nosuch to 1
set search_path to
show nosuch
grant select on nosuch to public
create role mes_other
alter role mes_user superuser
select pg_read_file('/etc/hostname')
copy item to '/tmp/database'
select 1; select 2
select 'a'; select 1/0; select 'database'


-- DDL on databases
create database n1
select datname from pg_database order by 1
create database n1
comment on database n1 is 'mes_e2e_db is elsewhere'
select shobj_description(oid, 'pg_database') from pg_database where datname = 'n1'
alter database n1 set work_mem = '5MB'
alter database n1 set search_path to d, public
alter database n1 connection limit 5
alter database n1 reset all
alter database n1 nosuch
alter database nosuch set work_mem = '5MB'
alter database n1 owner to nosuch
grant connect, temp on database n1 to public
revoke all on database n1 from public
grant nosuch on database n1 to public
alter database n1 rename to n2
select datname from pg_database where datname in ('n1', 'n2')
select datconnlimit, datacl::text is not null from pg_database where datname = 'n2'
drop database n1
drop database if exists n1
drop database n2 with (nosuch)
drop database n2 with (force)
drop database if exists n2, n3
drop database mes_e2e_db
alter database mes_e2e_db rename to x
create database n3 template nosuch
create database n3 template = 'nosuch'
create database n3 template default
alter database U&"n3" connection limit 3
drop database U&"n3"
drop database n3
create database n3 encoding 'nosuch'
create database n3 owner nosuch
create database "n 4"" x" connection limit 1
alter database "n 4"" x" connection limit 2
drop database "n 4"" x"
alter database mes_e2e_db set work_mem = '6MB'
select setconfig from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase where d.datname = 'mes_e2e_db'
alter database mes_e2e_db reset work_mem
comment on database mes_e2e_db is null
create database
drop database
reindex database mes_e2e_db nosuch
vacuum (nosuch)
analyze d.item
begin; create database n5

-- programs
do $do$ begin raise notice 'database %', 'mes_e2e_db'; end $do$
do $do$ begin raise notice 'in %', current_database(); end $do$
do $do$ begin raise exception 'no database %', 'here' using hint = 'datname', errcode = 'DB001', detail = 'mes_e2e_db'; end $do$
do $do$ declare r record; begin for r in select 'database' as x loop raise warning '%', r.x; end loop; end $do$
do $do$ declare r record; begin for r in select datname from pg_database order by 1 loop raise notice '%', r.datname; end loop; end $do$
do $do$ declare r record; begin for r in select datname from pg_database loop raise notice 'one'; exit; end loop; end $do$
do $do$ declare r record; begin for r in select datname from pg_database where datname = 'mes_e2e_db' loop insert into d.datname values (lower('mes_e2e_db'), 77, 'mes_e2e_db'); end loop; end $do$
delete from datname where "database" = 77 and catalog = 'mes_e2e_db' and dbname = 'mes_e2e_db' returning catalog
do $do$ declare r record; begin select datname from pg_database into r; if count(*) > 0 from pg_database then raise notice 'some'; end if; end $do$
do $do$ begin if exists (select from pg_database where datname = 'mes_e2e_db') then raise notice 'there'; else raise notice 'not there'; end if; end $do$
do $do$ begin if current_database() = 'mes_e2e_db' then raise notice 'mine'; end if; end $do$
do $do$ begin execute 'alter database mes_e2e_db set work_mem = ''7MB'''; end $do$
do $do$ begin execute format('alter database %I reset all', 'mes_e2e_db'); end $do$
do $do$ begin execute 'alter database nosuch set work_mem = 7777'; end $do$
do $do$ begin execute format('alter database %I set geqo = off', current_database()); end $do$
do $do$ begin execute format('alter database %I reset geqo', current_database()); end $do$
do $do$ begin perform 1 from pg_database where datname = 'nosuch'; if not found then raise notice 'not found'; end if; end $do$
do $do$ begin perform 1/0; exception when division_by_zero then raise notice 'caught in %', current_database(); end $do$
do $do$ begin raise; end $do$
do language plpgsql 'begin raise notice ''plain database''; end'
do $do$ begin syntax error; end $do$
create function d.mine() returns boolean language sql as $$ select exists (select 1 from pg_database where datname = 'mes_e2e_db') $$
create function d.others() returns setof name language plpgsql as $f$ begin return query select datname from pg_database order by 1; end $f$
create function d.bad() returns int language sql as $$ select nosuch from pg_database $$
create or replace function d.here() returns text language plpgsql stable as $$ declare found text; begin select datname into found from pg_database where datname = current_database(); return found; end $$
select d.mine(), d.here()
select * from d.others()
select d.shout('mes_e2e_db')
call d.quiet(41)
update item set price = price + 1 where id in (1, 2)
create materialized view d.none as select datname from pg_database with no data
create view d.mine_view as select datname from pg_database where datname = 'mes_e2e_db'
select * from d.mine_view
select mine() from generate_series(1, 2)
prepare p(text) as select count(*) from datname where catalog = $1
execute p('mes_e2e_db')
prepare q(text) as select datname from pg_database where datname = 'mes_e2e_db' and $1 = 'x'
execute q('x')
execute q
execute nosuch('mes_e2e_db')
select name, statement from pg_prepared_statements where name in ('p') order by 1
deallocate p
deallocate q

-- transactions, cursors, copies, messages
begin
declare c cursor for select "database" from datname order by 1
fetch 2 from c
move 1 from c
fetch all from c
fetch backward 2 from c
close c
commit
begin
declare c scroll cursor with hold for select datname from pg_database order by 1
commit
fetch first from c
fetch last from c
fetch absolute 2 from c
close c
fetch 1 from c
begin
select 1/0
select 'database'
rollback
begin isolation level serializable read only
insert into datname values ('x')
rollback
begin
savepoint s
insert into datname values ('a', 1, 'b')
rollback to s
release s
select count(*) from datname
commit
commit
rollback to nosuch
begin; insert into datname values ('one message'); rollback
begin; select datname from pg_database where datname = 'mes_e2e_db'; select current_database(); commit
prepare transaction 'mes_e2e_db'
begin
insert into datname values ('prepared')
prepare transaction 'berth d'
select gid, owner, database from pg_prepared_xacts
select gid from pg_prepared_xacts where database = current_database()
select gid from pg_prepared_xacts where database = 'mes_e2e_db'
select gid from pg_prepared_xacts where database = $1 <- mes_e2e_db
rollback prepared 'berth d'
copy datname (catalog, "database") to stdout
copy (select id, name, doc from item where id < 4 order by id) to stdout (format csv, quote '"', force_quote *)
copy datname (catalog, "database") from stdin <- database	10\nmes_e2e_db	11\n
copy datname from stdin (format csv, header) <- catalog,database,dbname\n"mes_e2e_db",12,"a ""quoted"" datname"\n
copy datname (catalog, "database") from stdin <- bad	row	here\n
copy datname (catalog, "database") from stdin <- x	notanumber\n
copy nosuch from stdin
copy nosuch to stdout
select * from datname where "database" >= 10 order by 2
copy datname (catalog) to stdout (format binary)
listen database
listen "mes_e2e_db"
notify database, 'datname'
notify mes_e2e_db, 'mes_e2e_db'
select pg_notify('database', current_database())
select channel from pg_listening_channels() channel order by 1
unlisten *
select 1 -- and what was told in between
lock table datname in share mode
select pg_advisory_lock(4711), pg_advisory_unlock(4711), pg_advisory_unlock(4711)
set application_name = 'mes_e2e_db'
show application_name
select application_name from pg_stat_activity where datname = current_database() and pid = pg_backend_pid()
set standard_conforming_strings = off
select 'a\'database', 'datname = \'x\'' as x
select datname from pg_database where datname = 'mes_e2e_db' and 'a\'b' <> ''
select 'a\\' || datname from pg_database where datname = 'mes_e2e_db'
set standard_conforming_strings = on
select 'a\' || datname from pg_database where datname = 'mes_e2e_db'
set bytea_output = escape
select 'database'::bytea, '\x00ff'::bytea
reset bytea_output
set datestyle = 'german, dmy'
select date '2020-02-03', timestamp '2020-02-03 04:05:06', interval '1 day 2 hours'
reset datestyle
set client_min_messages = debug1
drop table if exists nosuch
reset client_min_messages
set timezone = 'Asia/Kolkata'
select made from item where id = 1
reset all
set search_path = d, public

-- plans, and what else gives rows
explain (costs off) select * from datname where dbname = 'database'
explain (costs off) select * from item where id = 3 and name = 'mes_e2e_db'
explain (costs off, format json) select 'datname' from item
explain (analyze, costs off, timing off, summary off) select count(*) from item where doc @> '{"n": 1}'
explain nosuch
explain select nosuch
select generate_series(1, 3) as database
select repeat('database ', 3)
select g, repeat(md5(g::text), 10) from generate_series(1, 300) g
select length(string_agg(repeat('database ', 100), '')) from generate_series(1, 500)
select repeat('x', 100000) || current_database()
select string_agg(current_database(), ',') from generate_series(1, 200)
select current_database(), g from generate_series(1, 200) g
select null, null::text, '', ' ', E'\n', E'\t'
select true, 1::int2, 2::int8, 3.5::float4, 4.5::float8, 5.55::numeric, 'x'::char(3), '10.0.0.1'::inet, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid
select int4range(1, 5), '(1,2)'::point, '{1,2}'::int[], '{{a,b},{c,d}}'::text[], 'a=>1' is null, '1 mon'::interval
select array_agg(datname order by datname) from pg_database where datname like 'mes%'
select to_json(d) ->> 'datname' from pg_database d where datname = 'mes_e2e_db'
select row_to_json(x) from (select datname, datallowconn from pg_database where datname = 'mes_e2e_db') x
select jsonb_agg(datname) from pg_database where datname = $1 <- mes_e2e_db
select rank() over (order by datname), datname from pg_database order by 1
select datname, lag(datname) over (order by datname) from pg_database order by 1
select distinct left(datname, 3) from pg_database order by 1
select datname from pg_database union select 'x' order by 1
select datname from pg_database except select 'postgres' order by 1
select datname from pg_database where datname > 'n' order by 1
select max(datname::text), min(datname::text), count(distinct datname) from pg_database
select x.datname from (select datname from pg_database) x, lateral (select x.datname like 't%' as t) y where y.t order by 1
select datname from pg_database for update
with recursive r(n) as (values (1) union all select n + 1 from r where n < 5) select n, current_database() from r
merge into item i using (values (1, 'mes_e2e_db')) v(id, x) on i.id = v.id when matched then do nothing
insert into item (id, name) values (1, 'database') on conflict (id) do nothing
insert into item (id, name) values (1, 'database') on conflict (id) do update set name = excluded.name || ' datname' returning name
update item set name = 'item 1' where id = 1
select nextval('counter'), currval('counter'), lastval()
select setval('counter', 10), last_value from counter
select pg_sleep(0), 'database'
checkpoint
discard plans
select

;
-- a name of three parts for a cast, as TypeORM makes it
select pg_catalog.col_description(('"' || table_catalog || '"."' || table_schema || '"."' || table_name || '"')::regclass::oid, ordinal_position), column_name from "information_schema"."columns" where table_schema = 'd' order by 2 limit 3
-- and an end
drop schema d cascade
reset search_path
