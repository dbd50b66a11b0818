#!/bin/sh
# SPDX-License-Identifier: MIT
# What a suite does to all sessions, locks and databases of a server reaches its own worker's only,
# however it is written. The relay alone, in front of a server of this test.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/server.sh"
rport=$((26000 + $$ % 900)); suffix=_t1_abcdefghijklmnopqrst; phys=mes_e2e_db$suffix; relay=''
other=other_t2_abcdefghijklmnopqrst
trap 'kill $relay 2>/dev/null || :; server_down 2>/dev/null || :; rm -rf "$work"' EXIT
sql "create database $phys owner mes_user template mes_e2e_db"
sql "create database $other owner mes_user"
sql 'create extension dblink' $phys
sql "alter database $other set work_mem = '5MB'"
sql "comment on database $other is 'of another worker'"
"$out/tests/db/relay" $rport '' 127.0.0.1 "$sport" $suffix mes_e2e_db >"$work/relay.out" 2>&1 & relay=$!
until grep -q . "$work/relay.out"; do kill -0 $relay; done
export PGPASSWORD=mes_password PGUSER=mes_user PGHOST=127.0.0.1 PGPORT=$rport PGDATABASE=mes_e2e_db
q() { timeout 20 psql -Atq "$@" 2>&1 || true; }
same_q() { same "$1" "$2" "$(q -c "$3" | tr '\n' ' ' | sed 's/ $//')"; } # SENTENCE WANT STATEMENT
theirs() { sql "select count(*) from pg_stat_activity where datname in ('$other', 'mes_e2e_db')"; }
# sessions in another worker's database, in the original and in a shared one
for database in $other mes_e2e_db; do
	psql -p "$sport" -Atqc 'select pg_advisory_lock(7), pg_sleep(120)' $database >/dev/null 2>&1 &
done
until [ "$(sql 'select count(*) from pg_locks where objid = 7')" = 2 ]; do kill -0 $relay; done
pid=$(sql "select pid from pg_stat_activity where datname = '$other'")

while read -r from; do
	q -c "select pg_cancel_backend(pid), \"pg_terminate_backend\"(pid) from $from
		where pid <> pg_backend_pid()" >"$work/ended"
	same "all other sessions are ended, but the worker's only: from $from" 2 "$(theirs)"
done <<FROM
pg_stat_activity
"pg_stat_activity"
U&"pg\005fstat_activity"
only pg_stat_activity
only ("pg_catalog".pg_stat_activity) a
(pg_stat_activity a cross join (select 1) x)
(table only pg_stat_activity) a
mes_e2e_db.pg_catalog.pg_stat_activity
pg_stat_get_activity(null)
lateral "pg_stat_get_activity"(null) as a
pg_locks
pg_lock_status()
pg_stat_ssl
(values ($pid)) v(pid)
generate_series($pid, $pid) pid
FROM
q -c "do \$\$ declare p int; begin
	for p in select pid from pg_stat_activity where pid <> pg_backend_pid() loop
		perform pg_terminate_backend(p);
	end loop;
	perform pg_terminate_backend($pid);
	execute 'select pg_terminate_backend(\$1)' using $pid;
	execute format('select pg_terminate_backend(%s)', $pid);
	end \$\$" >"$work/ended"
same 'nor by a program' '2 0' "$(theirs) $(grep -vc '^WARNING:  PID -1' "$work/ended")"
while read -r statement; do
	same "refused: $statement" 1 "$(q -c "$statement" | grep -c 'of other workers; use pg_stat_activity')"
done <<STATEMENTS
select pg_stat_get_backend_pid(n) from pg_stat_get_backend_idset() n
select pg_stat_get_activity(null)
do \$\$ begin execute 'select pg_terminate_backend(' || $pid || ')'; end \$\$
copy pg_database to stdout
copy pg_catalog.pg_stat_activity (pid) to stdout
STATEMENTS
same 'nothing of this has ended one' 2 "$(theirs)"
timeout 20 psql -Atqc 'select pg_sleep(20)' >/dev/null 2>&1 & own=$!
until [ "$(q -c "select count(*) from pg_stat_activity where query = 'select pg_sleep(20)'")" = 1 ]; do kill -0 $own; done
same_q "the worker's own session is ended" t \
	'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'
wait $own || true
same_q "locks are the worker's own" '0 f 1' \
	'select count(*) from pg_locks where objid = 7; select pg_advisory_lock(8) is null; select count(*) from pg_locks where objid = 8'
same_q 'counts, comments and settings, too' '1|t|0|0' "select
	(select sum(numbackends) from pg_stat_database where datname is not null),
	(select bool_and(datname is null or datname = current_database()) from pg_stat_activity),
	(select count(*) from pg_db_role_setting), (select count(*) from pg_shdescription where description like 'of another%')"
same 'a row of another database is not changed' '2|2' "$(sql 'alter role mes_user superuser'
	q -c "update pg_database set datconnlimit = 9 where datname <> 'postgres'" \
		-c "update only pg_catalog.pg_database d set datconnlimit = 8 where d.datname = 'mes_e2e_db'" \
		-c "with x as (update pg_database set datconnlimit = 7 where true returning 1) select 1" \
		-c "delete from pg_database where datname like 'other%'" >/dev/null
	sql 'alter role mes_user nosuperuser'
	sql "select count(*) filter (where datconnlimit = -1), count(*) from pg_database where datname in ('$other', 'mes_e2e_db')")"
same "the worker's own is" 7 "$(sql "select datconnlimit from pg_database where datname = '$phys'")"

# --- what the server computes ---
q -c "create function settle(d text) returns void language plpgsql as \$\$ begin
	execute format('alter database %I set geqo = off', d);
	execute 'comment on database ' || quote_ident(d) || ' is ''y'''; end \$\$" \
	-c "select settle('mes_e2e_db'), settle(current_database())" -c 'drop function settle' >/dev/null
same_q 'a function that is given the name of the database' '{geqo=off}|y' \
	"select setconfig, shobj_description(d.oid, 'pg_database') from pg_db_role_setting s
	join pg_database d on d.oid = s.setdatabase where datname = current_database()"
same 'leaves the original alone' '0|' "$(sql "select count(setconfig), max(shobj_description(d.oid, 'pg_database'))
	from pg_database d left join pg_db_role_setting s on s.setdatabase = d.oid where datname = 'mes_e2e_db'")"
name="mes'q \\%"
createdb "$name"
own="host=127.0.0.1 port=$sport user=mes_user password=mes_password"
address=postgres://mes_user:mes_password@127.0.0.1:$sport
while read -r want string; do
	[ "$want" = quoted ] && want=$name
	same "a connection string, by its value: $(printf %s "$string" | sed 's/host=.*password=mes_password/.../; s/mes_user:.*@//')" "$want" \
		"$(q -c "select n from dblink($string, 'select current_database()') as t(n text)")"
done <<STRINGS
quoted \$\$$own dbname=mes\\'q\\ \\\\%\$\$
quoted \$\$$own dbname='mes\\'q \\\\%'\$\$
quoted '$own dbname=mes\\''q\\ \\\\%'
quoted '$address/mes%27q%20%5C%25'
quoted '$address/x?dbname=mes%27q%20%5c%25&application_name=y'
mes_e2e_db '$own dbname=' || quote_literal(E'mes_e2e_db')
mes_e2e_db format('%s dbname=%s', '$own', current_database())
mes_e2e_db '$address/' || current_database()
STRINGS
dropdb "$name"
q -c "create function connect() returns text language plpgsql as \$\$ declare d text := 'dbname=' || current_database();
	begin perform dblink_connect('c', '$own ' || d);
	return (select n from dblink('c', 'select current_database()') as t(n text)); end \$\$" >/dev/null
same_q 'in a function, by a variable' mes_e2e_db 'select connect()'
same 'the other sessions live' 2 "$(theirs)"
finish
