#!/bin/bash
# SPDX-License-Identifier: MIT
# Import mode: private servers with the roles and databases of the server that runs already, which
# is only read.
. "$(dirname "$0")/lib.sh"
. tests/db/project.sh
chmod 755 "$work"
sql "alter role mes_user set statement_timeout = '7min'"
sql 'create role auditor nologin bypassrls; create role reader login; grant auditor to reader with admin option; create role shop_admin superuser; alter role reader connection limit 3 valid until '"'2031-01-01Z'"'; comment on role reader is '"'reads
only'"
sql 'alter role reader set search_path = app, pg_catalog'
sql "alter role mes_user in database mes_e2e_db set work_mem = '7MB'; alter database mes_e2e_db set search_path = app, \"\$user\", public"
sql "revoke connect on database mes_e2e_db from public; grant connect on database mes_e2e_db to mes_user, reader; alter database mes_e2e_db connection limit 17; comment on database mes_e2e_db is 'the shop'"
sql "create role \"Odd Role\" noinherit createrole replication connection limit 2 password 'x'; alter role \"Odd Role\" set search_path = \"a,b\", 'c''d'; alter role all set lock_timeout = '9s'; grant create on database mes_e2e_db to \"Odd Role\" with grant option"
sql 'grant set on parameter log_statement to reader' 2>/dev/null || : # of version 15
sql 'create database empty_db owner mes_user'
sql "create extension pgcrypto; create schema app authorization mes_user; set role mes_user; create table app.item (id serial primary key, b bytea); insert into app.item (b) select convert_to(n::text, 'UTF8') from generate_series(1, 100) n;
create function app.guard() returns trigger language plpgsql as 'begin if current_database() <> ''mes_e2e_db'' then raise exception ''not here''; end if; return new; end'; create trigger g before insert on app.item for each row execute function app.guard();
create view app.here as select datname from pg_database where datname = 'mes_e2e_db'; grant select on app.item to reader; select lo_from_bytea(4711, 'large');
grant update (b), select (id) on app.item to \"Odd Role\" with grant option; grant usage on app.item_id_seq to reader; revoke execute on function app.guard() from public; create type app.size as enum ('S'); revoke usage on type app.size from public; grant usage on schema app to public; grant select on large object 4711 to reader; alter default privileges in schema app grant select on tables to reader; alter default privileges revoke execute on functions from public" mes_e2e_db >/dev/null
export PGHOST=localhost PGPORT="$sport" PGUSER=mes_user PGPASSWORD=mes_password PGDATABASE=mes_e2e_db
run_berth() { status=0; said=$(timeout 200 "$berth" run --tree shared --db "$shurl" --db-mode "${mode-import}" --output quiet --results "$work/r" "$@" 2>"$work/errors") || status=$?; }
count() { grep -c "$1" "$work/errors" || :; }
each() { cat "$work/r"/runs/*/w[0-9].log 2>/dev/null || echo "${said:-$(cat "$work/errors")}"; rm -rf "$work/r"; }
dump() { { pg_dumpall -h "$sdir" -U postgres | grep -v '^.restrict\|^.unrestrict'; sql "select datname, tup_inserted, tup_updated, tup_deleted from pg_stat_database where datname like '%_db' order by 1"; } | md5sum; }

cat >suite.sh <<'S'
psql -XAtq -c 'show search_path' -c 'show work_mem' -c 'show statement_timeout' -c "select current_setting('is_superuser'), current_user, current_database()" \
	-c "select (select count(*) from aclexplode(datacl) where grantee = 0 and privilege_type = 'CONNECT'), datconnlimit, shobj_description(oid, 'pg_database'), pg_get_userbyid(datdba) from pg_database where datname = 'mes_e2e_db'" \
	-c "select rolname, rolsuper, rolcanlogin, rolcreatedb, rolbypassrls from pg_roles where rolname !~ '^pg_|^postgres$' order by 1" -c "select pg_has_role('reader', 'auditor', 'member with admin option'), rolconnlimit, rolvaliduntil, rolconfig, shobj_description(oid, 'pg_authid') from pg_roles where rolname = 'reader'" \
	-c "select rolname, rolinherit, rolcreaterole, rolreplication, rolconnlimit, rolconfig from pg_roles where rolname ~ 'Odd|mes' order by oid" -c 'show lock_timeout' -c 'select parname, paracl from pg_parameter_acl' \
	-c "select what, unnest(acl)::text collate \"C\" from (select 'database', datacl from pg_database where datname = current_database() union all select relname, relacl from pg_class where relnamespace = 'app'::regnamespace union all select attname, attacl from pg_attribute where attrelid = 'app.item'::regclass union all select proname, proacl from pg_proc where proname = 'guard' union all select typname, typacl from pg_type where typname = 'size' union all select nspname, nspacl from pg_namespace where nspname in ('app', 'public') union all select 'lo', lomacl from pg_largeobject_metadata union all select concat(defaclnamespace::regnamespace, defaclobjtype, pg_get_userbyid(defaclrole)), defaclacl from pg_default_acl) x (what, acl) order by 1, 2" \
	-c 'select count(*), max(id) from item' -c "select encode(lo_get(4711), 'escape')" -c "select has_table_privilege('reader', 'app.item', 'select')" -c 'select * from app.here' -c "select extname from pg_extension order by 1" \
	-c "insert into item (b) values ('x') returning id" -c "prepare p as select datname from pg_database where datname = \$1" -c "execute p('mes_e2e_db')" \
	-c "select count(*) from pg_class where relname = 'item' and reltuples = 100" -c "do \$\$ begin if current_database() <> 'mes_e2e_db' then raise 'elsewhere'; end if; end \$\$" \
	-c "create table note (t int); insert into note values (1), (2); alter table note enable row level security, force row level security; create policy p on note using (t = 1)" -c 'select t from note' -c 'drop table note' 2>&1
S
sql 'analyze app.item' mes_e2e_db
before=$(dump) lines=
bare=$(sed "s/-c \"insert.*returning id\"/-c 'select 101'/; s/create table note.*p on note using (t = 1)/select 1 where false/; s/select t from note/select 1/; s/ -c 'drop table note'//" suite.sh >bare.sh; sh bare.sh)
for backend in preload seccomp; do
	run_berth -v -n 3 --backend $backend -- sh suite.sh
	same "three copies under $backend print what the server itself prints" "0 $bare
$bare
$bare" "$status $(each)"
	lines="$lines$(count 'database template: built') $(count '^berth: imported 7 MiB from the server at port') $(count ' ago and have not changed$'), "
done
same 'the server is as before, and nothing was written to it' "$before" "$(dump)"
same 'the copy is taken once, and a line says its size and its age' '1 1 0, 0 0 1, ' "$lines"
taken() { sed -i "s/ .*/ $1/" "$XDG_CACHE_HOME"/berth/pg/import-*; } # taken MS: how long the last import took
taken 1
sql "select nextval('app.item_id_seq')" mes_e2e_db >/dev/null
run_berth -- psql -XAtqc "select nextval('item_id_seq')"
same 'and again when a sequence has moved' '0 102' "$status $(each)"
same 'one template is left' 1 "$(find "$XDG_CACHE_HOME/berth/pg" -maxdepth 1 -name 'tpl-*' -type d | wc -l)"

# --- a large copy stays until it is asked for ---
taken 60000
sql 'insert into app.item (b) values (null)' mes_e2e_db
run_berth -- psql -XAtqc 'select count(*) from app.item'
same 'a copy that takes long is used again, with its age and the remedy' '100 1 1' "$(each) $(count '^berth: .* ago and may have changed since$') $(count '^hint: berth db pull')"
ok 'berth db pull takes it anew' "$berth" db pull --db "$shurl"
run_berth -- psql -XAtqc 'select count(*) from app.item'
same 'the next run has it' 101 "$(each)"

# --- auto ---
mode=auto
plan() { "$berth" run --dry-run --db "$shurl" "$@" -- true 2>&1 | sed -n 's/^database: .*, mode //p; s/^role: //p'; }
sql 'create database other_db'
run_berth -- psql -XAtqc 'select current_database()' -c "select count(*) from pg_stat_activity where datname = 'other_db'"
same 'auto imports from a server that answers' '0 mes_e2e_db
0' "$status $(each)"
same 'and the preview says so' 'import (a server answers)
mes_user, with the rights that it has on the server' "$(plan)"
renamed() { # renamed REASON: workers see their database, the run says why it is not imported, and so does the preview
	run_berth -- psql -XAtqc 'select current_database()'
	same "renamed: $1" "0 mes_e2e_db 1 rename ($1)" "$status $(each) $(grep -cxF "berth: $1, so --db-mode is rename" "$work/errors" || :) $(plan)"
}
sql 'create table app.secret (x int)' mes_e2e_db
renamed "role 'mes_user' may not read all of relation app.secret of database 'mes_e2e_db'"
sql 'drop table app.secret' mes_e2e_db
echo 'import-most: 1M' >berth.yaml
renamed '7 MiB are more than `import-most`, 1 MiB'
rm berth.yaml
sql "insert into pg_extension values (99999, 'no_such', 10, 'app'::regnamespace, false, '1.0', null, null)" mes_e2e_db
renamed "extension \"no_such\" of database 'mes_e2e_db' is not installed here: $("$pgbin/pg_config" --sharedir)/extension has no no_such.control"
sql "delete from pg_extension where oid = 99999" mes_e2e_db
# a server of another version
sql "set allow_system_table_mods = on; alter function current_setting(text) rename to real_setting; create function pg_catalog.current_setting(text) returns text language sql as \$\$select case \$1 when 'server_version_num' then '990000' else real_setting(\$1) end\$\$" mes_e2e_db
renamed 'the server has version 99, and its server programs are not installed here'
sql 'set allow_system_table_mods = on; drop function pg_catalog.current_setting(text); alter function real_setting(text) rename to current_setting' mes_e2e_db
word="p:@/w \"x'" url=$shurl
sql "alter role mes_user password '$word''"
coded=$(/usr/bin/python3 -c 'import sys, urllib.parse; print(urllib.parse.quote(sys.argv[1], ""))' "$word")
export PGPASSWORD="$word"
shurl=postgresql://mes_user:$coded@127.0.0.1:$sport/mes_e2e_db
for setup in '' '--setup true'; do
	run_berth $setup -- sh -c 'psql -XAtqc "select 7"; PGPASSWORD= psql -XAtqc "select 8" -d "$1"; PGPASSWORD=mes_password psql -Atqc "select 9" 2>/dev/null' - "$shurl"
	same "the password of the URL is that of the role, and no other one is${setup:+, with a setup, too}" '2 7
8' "$status $(each)"
done
shurl=$url PGPASSWORD=mes_password
sql "alter role mes_user password 'mes_password'"
run_berth --setup true -- psql -XAtqc 'select 7'
same 'a new password is in force, although the setup is the same' '0 7' "$status $(each)"
mode=import

# --- with a setup command ---
echo 'create table made as select 1 as x' >setup.sql
run_berth -n 2 --setup 'psql -qf setup.sql' -- psql -XAtqc "select count(*) from pg_class where relname = 'item'" -c 'select count(*) from made' \
	-c 'show search_path' -c 'show work_mem' -c "select string_agg(extname, ' ' order by extname) from pg_extension" -c "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
made='0
1
app, "$user", public
7MB
pgcrypto plpgsql
the shop'
same 'a setup command fills an empty database with the roles, settings and extensions of the server' "0 $made
$made" "$status $(each)"
sql 'alter database mes_e2e_db set search_path = public'
run_berth --setup 'createdb second_db && psql -qd second_db -c "create table t as select 7 as id" && psql -qc "alter database mes_e2e_db set timezone = '"'Asia/Kolkata'"'"' -- \
	sh -c "psql -XAtqd second_db -c 'select id from t'; psql -XAtqc 'show timezone' -c 'show search_path'"
same 'a database and a setting of the setup reach the workers, and one of the server that has changed since' '0 7
Asia/Kolkata
public' "$status $(each)"
(shurl=postgresql://mes_user:mes_password@127.0.0.1:$sport/new_db; PGDATABASE=new_db; run_berth -- psql -XAtqc 'select current_database()'; echo "$status $(each)" >new)
same 'a database that the server does not have begins empty' '0 new_db' "$(cat new)"

# --- what cannot be imported ---
refused() { # refused SENTENCE WORDS
	run_berth -- true
	same "$1" '125 1' "$status $(count "$2")"
}
sql 'create table app.secret (x int)' mes_e2e_db
refused 'a relation that the role may not read is named' "role 'mes_user' may not read all of relation app.secret of database 'mes_e2e_db'"
sql 'alter table app.secret owner to mes_user; alter table app.secret enable row level security; alter table app.secret force row level security' mes_e2e_db
refused 'so is one of which policies hide rows' 'may not read all of relation app.secret'
sql 'drop table app.secret' mes_e2e_db
echo 'import-most: 1M' >berth.yaml
run_berth -- true
same 'databases over import-most are renamed, and a line says so' '0 1' "$status $(count 'are more than `import-most`, 1 MiB, so --db-mode is rename')"
rm -rf "$work/r"
rm berth.yaml
server_down; refused 'no server' 'import: no server answers'; server_up

# --- a run that is killed while it copies ---
sql "alter role postgres password 'secret'"
PGUSER=postgres PGPASSWORD=secret
shurl=postgresql://postgres:secret@127.0.0.1:$sport/mes_e2e_db
sql 'begin; lock table app.item; select pg_sleep(30)' mes_e2e_db >/dev/null 2>&1 & lock=$!
wait_for sh -c "psql -h '$sdir' -Atqc \"select 1 from pg_locks where mode = 'AccessExclusiveLock' and relation = 'app.item'::regclass\" | grep -q 1"
"$berth" run --tree shared --db "$shurl" --db-mode import --results "$work/r" -- true >/dev/null 2>&1 & run=$!
building() { find "$XDG_CACHE_HOME/berth/pg" -maxdepth 1 -name 'tpl-*.building'; }
dumps() { [ "$(sql "select count(*) from pg_locks join pg_stat_activity using (pid) where not granted and query like 'LOCK TABLE%'")" = "$1" ]; }
ok 'pg_dump waits for a lock' wait_for dumps 1
kill -9 $run; wait $run 2>/dev/null || :
ok 'it ends with the run' wait_for dumps 0
sql "select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(30)' and pid <> pg_backend_pid()" >/dev/null
wait $lock || :
run_berth -- psql -XAtqc "select current_user, current_setting('is_superuser')"
same 'the next run, as role postgres with its password, leaves nothing half made' '0 postgres|on ' "$status $(each) $(building)"
same 'no password in a log' 0 "$(grep -rl mes_password "$XDG_CACHE_HOME/berth" 2>/dev/null | wc -l)"
finish
