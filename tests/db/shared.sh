#!/bin/sh
# SPDX-License-Identifier: MIT
# Databases, templates and leases on a shared server: which worker gets which database, what is left
# when a process dies, and which databases Berth never touches.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/server.sh"
trap 'server_down 2>/dev/null || :; rm -rf "$work"' EXIT
# clients say localhost:PORT, as their URL does
client="export PGPASSWORD=mes_password PGUSER=mes_user PGDATABASE=mes_e2e_db PGHOST=localhost PGPORT=$sport; psql -Atqc"
original() { pg_dump -h "$sdir" -p "$sport" -U postgres -C mes_e2e_db | grep -v '^.restrict\|^.unrestrict' | md5sum; }
shared() { name=$1; shift; run "$name" -m rename "$@"; }
none_left() { [ "$(databases)" = "${1:-0}" ]; }
before=$(original)

got=$(shared one -d "$shurl" "$work/one" "$client 'select who from witness; insert into witness values (current_database())'")
same 'without a setup a worker gets a copy of the database' 'the original' "$got"
same 'which is gone afterwards' 0 "$(databases)"
got=$(shared socket -d "$shurl?host=$sdir" "$work/socket" "for mode in disable require; do PGSSLMODE=\$mode; export PGSSLMODE; $client 'select who, current_database(), inet_client_addr() is null from witness'; done" | tr '\n' ' ')
same 'host= in the URL: the suite uses TCP, the relay the socket of the server' 'the original|mes_e2e_db|t the original|mes_e2e_db|t ' "$got"
# `peer`: the server sees the relay's user at the other end of its socket
if [ "$(id -u)" = 0 ]; then
	printf 'local all nobody peer\n%s\n' "$(cat "$sdir/data/pg_hba.conf")" >"$work/hba"; cat "$work/hba" >"$sdir/data/pg_hba.conf"
	as_pg "$pgbin/pg_ctl" -s -D "$sdir/data" reload
	sql 'create role nobody login superuser'
	install -d -o nobody "$work/peer"; cp -r "$out/bin" "$out/lib" "$work/"; chmod -R a+rX "$work/bin" "$work/lib"
	# shellcheck disable=SC2016
	(cd "$work/peer" && HOME=$PWD XDG_RUNTIME_DIR='' XDG_CACHE_HOME='' XDG_STATE_HOME='' exec setpriv --reuid nobody --regid nogroup --clear-groups "$work/bin/berth" run \
		--db-mode rename --db "postgresql://nobody@localhost:$sport/mes_e2e_db?host=$sdir" -- sh -c 'psql -h localhost -p "$1" -U nobody -Atqc "select session_user" mes_e2e_db >got && mv got own; i=0; while [ ! -e go ] && [ $i -lt 200 ]; do sleep 0.05; i=$((i + 1)); done' - "$sport") >"$work/peer.out" 2>&1 & peer=$!
	wait_for test -e "$work/peer/own" || cat "$work/peer.out"
	same 'peer: the run itself is let in' nobody "$(cat "$work/peer/own")"
	real=$(setpriv --reuid nobody --regid nogroup --clear-groups env XDG_RUNTIME_DIR= "$work/bin/berth" ps | sed -n "s/.*$sport->\([0-9]*\).*/\1/p")
	got=$(setpriv --reuid 65533 --regid nogroup --clear-groups psql -h 127.0.0.1 -p "$real" -U nobody -Atqc 'select session_user' mes_e2e_db 2>&1) || :
	same 'another user is not' 'this relay belongs to another user' "$(printf '%s' "$got" | grep -o 'this relay belongs to another user')"
	: >"$work/peer/go"; wait $peer || :
	sed -i 1d "$sdir/data/pg_hba.conf"; sql 'drop role nobody'
fi
sed -i 's/^host /hostssl /' "$sdir/data/pg_hba.conf"; as_pg "$pgbin/pg_ctl" -s -D "$sdir/data" reload
got=$(shared binding -d "$shurl" "$work/binding" "export PGSSLMODE=require; $client 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'")
same 'a server and clients that insist on TLS: libpq learns that it cannot bind to this TLS' t "$got"
sed -i 's/^hostssl /host /' "$sdir/data/pg_hba.conf"; as_pg "$pgbin/pg_ctl" -s -D "$sdir/data" reload
run auto -m auto -d "$shurl" "$work/auto" true
ok 'auto imports from the server that answers' grep -q 'import (a server answers)' "$work/auto.err"
run port -m auto -d postgresql://u:p@localhost:1/x "$work/port" true
ok 'and a private one where none does' grep -q 'private (no server answers)' "$work/port.err"

# --- what CREATE DATABASE does not copy ---
sql 'create database odd_db owner mes_user'
sql "alter database odd_db set search_path = app, \"\$user\", public; alter database odd_db set datestyle = 'German, DMY'; alter role mes_user in database odd_db set work_mem = '7MB'"
sql 'revoke connect on database odd_db from public; grant connect on database odd_db to mes_user with grant option; alter database odd_db connection limit 17'
odd() { name=$1; shift; shared "$name" -r -d "${shurl%/*}/odd_db" "$@" "export PGPASSWORD=mes_password PGUSER=mes_user PGDATABASE=odd_db PGHOST=localhost PGPORT=$sport
	psql -Atqc 'show search_path' -c 'show datestyle' -c 'show work_mem' -c 'show timezone' -c \"select has_database_privilege('public', oid, 'connect'), datconnlimit from pg_database where datname = 'odd_db'\""; }
got=$(odd properties "$work/properties" | grep -v "^$(sql 'show timezone')\$" | sort | uniq -c | sed 's/^ *//')
same 'copies, also after a reset, have the settings, rights and limit of the original' "2 7MB
2 German, DMY
2 app, \"\$user\", public
2 f|17" "$got"
got=$(odd stored -s "PGPASSWORD=mes_password psql -h localhost -p $sport -U mes_user -qc \"alter database odd_db set timezone = 'Asia/Kolkata'\" odd_db" "$work/stored" | grep -c Kolkata)
same 'and the settings that a setup stores' 2 "$got"
sql 'drop database odd_db'
sql "select format('alter database %I is_template false; drop database %1\$I', datname) from pg_database where datname like 'berth_tpl%'" | while read -r statement; do sql "${statement%;*}"; sql "${statement#*; }"; done

mkdir "$work/seed"; chmod 755 "$work/seed"
echo 'create table item as select generate_series(1,100) id' >"$work/seed/seed.sql"
seed="$client 'select 1' >/dev/null; psql -qf $work/seed/seed.sql"
shared many -n 5 -d "$shurl" -s "$seed" "$work/many" "$client 'delete from item where id <= 10; select count(*) from item'" >"$work/many.out"
same 'five workers, one template, five databases' '5 1 1' "$(grep -c '^90$' "$work/many.out") $(grep -c 'template.*built' "$work/many.err") $(databases)"
same 'the template is sealed' 't|f' "$(sql "select datistemplate, datallowconn from pg_database where datname like 'berth_tpl_%'")"
got=$(shared reset -r -d "$shurl" -s "$seed" "$work/reset" "$client 'delete from item where id = 1; select count(*) from item'" | tr '\n' ' ')
same 'a reset brings the template back' '99 99 ' "$got"
ok 'and the template was found, not made' grep -q 'template.*cached' "$work/reset.err"
echo '-- changed' >>"$work/seed/seed.sql"
(shared race1 -d "$shurl" -s "$seed" "$work/race1" true) & one=$!
(shared race2 -d "$shurl" -s "$seed" "$work/race2" true) & two=$!
wait $one $two
same 'two runs elect one maker' '1 1' "$(cat "$work"/race?.err | grep -c 'template.*built') $(cat "$work"/race?.err | grep -c 'template.*cached')"
shared bad -d "$shurl" -s 'exit 3' "$work/bad" true
same 'a setup that fails fails the run and leaves nothing' '99 2' "$status $(databases)"
ln -s "$sdir" "$work/a dir"
shared keep -K -d "$shurl?host=$work/a%20dir" "$work/keep" "$client 'create table evidence as select 42 x'; exit 1"
open=$(sed -n 's/^record w1 database_kept [0-9]* -1 //p' "$work/keep.err")
same 'a failed worker is kept, and the command given opens it' 42 "$(PGPASSWORD=mes_password sh -c "$open -Atc 'select x from evidence'")"
kept=$(sql "select datname from pg_database where shobj_description(oid, 'pg_database') like '%\"kept\": true%'")
shared after -d "$shurl" "$work/after" true
same 'and is not reaped' 1 "$(sql "select count(*) from pg_database where datname = '$kept'")"
sql "drop database $kept"
sql "create role administrator superuser login password 'secret'"
shared postgres -k -d "postgresql://administrator:secret@127.0.0.1:$sport/postgres" "$work/postgres" true
same 'what everybody shares does not say that it is kept' 'default administrative connection database' "$(sql "select shobj_description(oid, 'pg_database') from pg_database where datname = 'postgres'")"
sql 'alter database postgres connection limit 1'
(until PGPASSWORD=mes_password psql -h 127.0.0.1 -p "$sport" -U mes_user -qXc 'select pg_sleep(1)' postgres; do :; done
sql 'alter database postgres connection limit -1') >/dev/null 2>&1 &
held() { [ "$(sql "select count(*) from pg_stat_activity where query = 'select pg_sleep(1)'" template1)" = 1 ]; }
wait_for held
got=$(shared full -d "$shurl" "$work/full" "psql -h $sdir -p $sport -U postgres -Atqc \"select string_agg(distinct datname, ' ') from pg_stat_activity where application_name = 'berth'\" postgres")
same 'a maintenance database that is full is waited for: leases are locks in it' postgres "$got"
wait
shared names -d "$shurl" "$work/names" "$client 'select 1' >/dev/null; createdb other; cat $work/names/allocated-databases.json >$work/names/seen"
same 'what clients created goes too' 2 "$(databases)"
ok 'physical names begin with the logical one' grep -q '"physical": "mes_e2e_db_task_1_[a-z0-9]\{8,\}"' "$work/names/seen"

# --- dead processes ---
shared kill9 -d "$shurl" "$work/kill9" "$client 'create table x()'; kill -9 \$PPID"
ok 'a supervisor killed with -9: its coprocesses clean up' wait_for none_left 2
anew="psql -qc 'drop database mes_e2e_db' -c 'create database mes_e2e_db' postgres; until $client \"select shobj_description(oid, 'pg_database') from pg_database where datname = 'mes_e2e_db'\" | grep -q berth; do :; done"
shared killall -d "$shurl" "$work/killall" "$client 'create table x()'; $anew; kill -9 \$(pgrep -P \$PPID -f driver) \$PPID"
ok 'the coprocesses killed too: the databases stay' wait_for none_left 3
shared reaper -d "$shurl" "$work/reaper" true
same 'until the next run, which finds the lease free, of one that the suite made anew as well' 2 "$(databases)"
sql 'create database mes_e2e_db_task_9_aaaaaaaa owner mes_user'
shared foreign -d "$shurl" "$work/foreign" true
same 'a database without a lease is nobody'"'"'s to drop, whatever its name' 1 "$(sql "select count(*) from pg_database where datname = 'mes_e2e_db_task_9_aaaaaaaa'")"
sql 'drop database mes_e2e_db_task_9_aaaaaaaa'
sql 'create database berth_new_task_9_aaaaaaaa owner mes_user'
shared after -d "$shurl" "$work/after" true
ok 'one that died before it had a lease is reaped by the name that only such a one has' wait_for none_left 2
sql 'create database berth_new_task_9_aaaaaaaa owner mes_user'
key=$(python3 -c 'h = 14695981039346656037
for c in b"_task_9_aaaaaaaa": h = (h ^ c) * 1099511628211 % 2**64
print(h - 2**64 if h >= 2**63 else h)')
(echo "select pg_advisory_lock($key);"; until [ -e "$work/unlock" ]; do timeout 0.1 tail -f /dev/null || true; done) | psql -q -h "$sdir" -p "$sport" -U postgres postgres >/dev/null & holder=$!
is_locked() { [ "$(sql "select count(*) from pg_locks where locktype = 'advisory'")" != 0 ]; }
ok 'its creator lives' wait_for is_locked
shared beside -d "$shurl" "$work/beside" true
same 'while its creator lives it is nobody else'"'"'s' 3 "$(databases)"
sql 'alter database berth_new_task_9_aaaaaaaa rename to app_task_9_aaaaaaaa'
beat() { sql "comment on database app_task_9_aaaaaaaa is '{\"berth\": 1, \"suffix\": \"_task_9_aaaaaaaa\", \"heartbeat\": $(($(date +%s) - $1))}'"; }
beat 7000; shared fresh -d "$shurl" "$work/fresh" true
same 'nor where its owner has gone without a heartbeat for less than two hours' 3 "$(databases)"
beat 7300; shared stale -d "$shurl" "$work/stale" true
same 'after two hours it is reaped, though the server believes in its session' 2 "$(databases)"
touch "$work/unlock"; wait $holder
sql 'create database oddly_said owner mes_user'
sql "comment on database oddly_said is '{\"berth\": 1, \"kept\": true, \"heartbeat\": 1}'"
shared oddly -d "$shurl" "$work/oddly" true
same 'a comment that looks like ours and names no lease is nobody'"'"'s to act on' '1 3' "$(sql "select count(*) from pg_database where datname = 'oddly_said'") $(databases)"
sql 'drop database oddly_said'
sql 'create database mes_e2e_db_setup_bbbbbbbb owner mes_user is_template true'
sql "comment on database mes_e2e_db_setup_bbbbbbbb is '{\"berth\": 1, \"suffix\": \"_setup_bbbbbbbb\", \"heartbeat\": 1}'"
shared sealed -d "$shurl" "$work/sealed" true
ok 'a template that was sealed and not yet named is reaped, too' wait_for none_left 2
shared twophase -d "$shurl" "$work/twophase" "$client 'create table x()'; psql -qc 'begin; insert into x default values; prepare transaction '\"'p1'\""
same 'a prepared transaction does not keep a database' 2 "$(databases)"
shared busy -w 10 -d "$shurl" "$work/busy" "$client 'select pg_sleep(60)' >/dev/null 2>&1 & timeout 0.5 tail -f /dev/null"
same 'nor does a session that is still there' 2 "$(databases)"
shared restart -d "$shurl" "$work/restart" "touch $work/restart/go; until [ -e $work/restart/done ]; do timeout 0.1 tail -f /dev/null; done; $client 'select who from witness'" >"$work/restart.out" & runner=$!
ok 'the worker is there' wait_for test -e "$work/restart/go"
server_down; server_up -c wal_level=logical; touch "$work/restart/done"; wait $runner || true
same 'a server that restarts in the middle is no end of the world' 'the original' "$(cat "$work/restart.out")"
ok 'and its database is dropped all the same' wait_for none_left 2

sql 'alter role mes_user replication'
shared slot -d "$shurl" "$work/slot" "$client \"select 1 from pg_create_logical_replication_slot('left', 'pgoutput')\"" >"$work/slot.out"
same 'a replication slot that is left does not keep a database' '1 2 0' "$(cat "$work/slot.out") $(databases) $(sql 'select count(*) from pg_replication_slots')"

# --- transient errors ---
log_says() { grep -q "$1" "$sdir/log"; }
: >"$sdir/log"; sql 'alter role mes_user connection limit 0'
shared full -d "$shurl" "$work/full" "$client 'select who from witness'" >"$work/full.out" & runner=$!
ok 'a server that has no connection left' wait_for log_says 'too many connections for role'
sql 'alter role mes_user connection limit -1'; wait $runner
same 'is asked again' 'the original' "$(cat "$work/full.out")"
(echo 'select 1;'; until [ -e "$work/quit" ]; do timeout 0.1 tail -f /dev/null || true; done) | psql -q -h "$sdir" -p "$sport" -U postgres mes_e2e_db >/dev/null & holder=$!
held() { [ "$(sql "select count(*) from pg_stat_activity where datname = 'mes_e2e_db'")" -gt 0 ]; }
wait_for held || true
shared source -d "$shurl" "$work/source" "$client 'select who from witness'" >"$work/source.out" & runner=$!
ok 'a database in use cannot be copied' wait_for log_says 'is being accessed by other users'
touch "$work/quit"; wait $holder $runner
same 'and is when he has gone' 'the original' "$(cat "$work/source.out")"

# --- health ---
shared idle -t 1000 -d "$shurl" "$work/idle" "$client 'select 1' >/dev/null; (echo 'begin; select 1;'; timeout 3.5 tail -f /dev/null) | psql -q >/dev/null"
same 'a session idle in transaction is recorded, once' 1 "$(grep -c 'w1 database_idle_in_transaction.* 1$' "$work/idle.err")"
shared calm -t 1000 -d "$shurl" "$work/calm" "$client 'select pg_sleep(2.5)' >/dev/null"
same 'one that works is not' 0 "$(grep -c 'database_idle' "$work/calm.err")"
shared pool -p 1 -d "$shurl" "$work/pool" "python3 tests/db/hold.py $sport 20 2.5"
same 'a server that runs out of connections is recorded, with the arithmetic' 1 "$(grep -c 'w1 database_pool .* [12][0-9] of 1197$' "$work/pool.err")"

# --- refusals and secrets ---
run wrong -m rename -d "postgresql://mes_user:sEcReT99@127.0.0.1:$sport/mes_e2e_db" "$work/wrong" true
same 'the error about a wrong password does not contain it' '99 1 0' "$status $(grep -c 'password authentication failed' "$work/wrong.err") $(grep -c sEcReT99 "$work/wrong.err")"
sql "create role poor login password 'p'"
run poor -m rename -d "postgresql://poor:p@127.0.0.1:$sport/mes_e2e_db" "$work/poor" true
ok 'a role that may not create databases gets the reason' grep -q "role 'poor' may not create databases" "$work/poor.err"
run remote -m rename -d postgresql://u:p@db.example.com/x "$work/remote" true
ok 'a server on another machine is refused clearly' grep -q "'db.example.com' is not this machine" "$work/remote.err"
sql "alter role mes_user password 'sEcReT99'"
(while [ ! -e "$work/stop" ]; do cat /proc/[0-9]*/cmdline 2>/dev/null || true; done | tr '\0' '\n' | sort -u >"$work/args") & sampler=$!
DATABASE_URL=postgresql://mes_user:sEcReT99@127.0.0.1:$sport/x shared secret -n 2 -d mes_e2e_db -s true "$work/secret" "timeout 0.3 tail -f /dev/null"
touch "$work/stop"; wait $sampler
same 'the password is in no argument, no file and no record' "0 0" "$(grep -c sEcReT99 "$work/args") $(cat "$work"/secret/*.json "$work/secret.err" | grep -c sEcReT99)"
same 'nor in what the server shows to others' 0 "$(sql "select count(*) from pg_database where shobj_description(oid, 'pg_database') like '%sEcReT99%'")"
sql "update pg_database set datistemplate = false where datname like 'berth_tpl%'"
for t in $(sql "select datname from pg_database where datname like 'berth_tpl%'"); do sql "drop database $t"; done
same 'the shared database is the same, byte for byte' "$before" "$(original)"
same 'nothing is left' 0 "$(databases)"
finish
