#!/bin/sh
# SPDX-License-Identifier: MIT
# Private servers: which server a client reaches, what the template depends on, and that nothing is
# left when any process dies.
. "$(dirname "$0")/lib.sh"
trap 'rm -rf "$work"' EXIT
ask="$as_client; psql -Atqc"

# --- clients ---
got=$(run tcp -d $url "$work/tcp" "$ask 'select current_database(), current_user'")
same 'a client that says localhost:5432 lands in its own server' 'mes_e2e_db|mes_user' "$got"
got=$(run v4 -d $url "$work/v4" "$as_client PGHOST=127.0.0.1; psql -Atqc 'select 4'")
same 'so does one that says 127.0.0.1' 4 "$got"
got=$(run v6 -d $url "$work/v6" "$as_client PGHOST=::1; psql -Atqc 'select 6'")
same 'so does one that says ::1' 6 "$got"
got=$(run unix -d $url "$work/unix" "$as_client; unset PGHOST; psql -Atqc 'select inet_server_port() is null'")
same 'so does one that uses the default unix socket' t "$got"
got=$(run wrong -d $url "$work/wrong" "$as_client PGPASSWORD=wrong; psql -Atqc 'select 1' 2>&1" | grep -c 'password authentication failed')
same 'a wrong password is refused' 1 "$got"
got=$(run bare -d postgresql://app@localhost:5439/app_db "$work/bare" "psql -h localhost -p 5439 -U app -Atqc 'select 1' app_db")
same 'a URL without a password needs none' 1 "$got"
got=$(run guest -R -d postgresql://app@localhost/app_db -d postgresql://other:word@localhost/other_db "$work/guest" \
	"export PGHOST=localhost PGDATABASE=app_db; psql -U app -qc 'create role guest login'; psql -U guest -Atqc 'select current_user'; for role in other postgres; do PGPASSWORD=wrong psql -U \$role -c 'select 1' 2>&1 | grep -c 'password authentication failed'; done" | tr '\n' ' ')
same 'nor does a role that its suite makes; one of a URL with a password, and postgres, do' 'guest 1 1 ' "$got"
got=$(run odd -d 'postgresql://we%22ird:p%27a%5Css%20%40@localhost/na%22me' "$work/odd" \
	"PGPASSWORD=\"p'a\\\\ss @\" psql -h localhost -U 'we\"ird' -Atqc 'select current_database()' 'na\"me'")
same 'quotes and backslashes in role, password and name are theirs' 'na"me' "$got"
got=$(run two -d $url -d postgresql://b:b@localhost:5499/second "$work/two" "$ask 'select 1'; PGPASSWORD=b psql -h localhost -p 5499 -U b -Atqc 'select 2' second; PGPASSWORD=b psql -p 5499 -U b -Atqc 'select 3' second" | tr '\n' ' ')
same 'two ports are two servers' '1 2 3 ' "$got"

got=$(run walsender -d $url "$work/walsender" "$as_client; psql -Atqc identify_system 'replication=true' 2>&1" | grep -c max_wal_senders)
same 'a connection for replication is let in, and only a setting keeps it out' 1 "$got"

# --- rights ---
policy="create table note as select * from (values (1, 'mine'), (2, 'theirs')) v(t, b); alter table note enable row level security, force row level security; create policy p on note using (t = 1)"
for rights in owner superuser; do
	option=-R want='1 1 mine mine on on on on t t theirs theirs ' said=1; [ $rights = superuser ] || { option='' want='0 0 mine mine off off off off t t ' said=0; }
	got=$(run $rights -n 2 $option -d $url -s "$as_client; psql -qc \"$policy\"" "$work/$rights" "$ask 'select b from note' -c \"select current_setting('is_superuser')\"
		psql -Atqc 'create database other' -c \"select pg_get_userbyid(datdba) = 'mes_user' from pg_database where datname = 'other'\" -c 'show is_superuser' -c 'create extension pgcrypto'
		psql -Atqc \"copy note from program 'echo 1'\" 2>&1 | grep -c 'missing data'; true" | LC_ALL=C sort | tr '\n' ' ')
	same "role: $rights, and policies, its databases, a trusted extension and programs are as for such a role" "$want" "$got"
	same 'a superuser in a schema with row level security is reported once' $said "$(grep -c 'record w. database_superuser.*row level security does not apply' "$work/$rights.err")"
done
got=$(run second -d $url -d postgresql://reader:r@localhost/mes_e2e_db "$work/second" "$ask 'create table item as select 1'; export PGUSER=reader PGPASSWORD=r; psql -c 'select * from item' 2>&1 | grep -c 'permission denied'; psql -Atqc 'show is_superuser'" | tr '\n' ' ')
same 'a second role of --db may not read the tables of the first' '1 off ' "$got"

# --- isolation ---
got=$(run fdw -R -d $url "$work/fdw" "$ask 'create extension dblink' -c 'create table mine as select 7 x' -c \"select x, p from dblink('host=localhost port=5432 user=mes_user password=mes_password dbname=mes_e2e_db', 'select x, inet_server_port() from mine') as t(x int, p int)\"" | tail -1)
same 'a server that connects to localhost:5432 itself meets itself' '7|5432' "$got"
got=$(run tls -d "$url?sslmode=require" "$work/tls" "$as_client PGSSLMODE=require; psql -Atqc 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'")
same 'sslmode=require in the URL: the server speaks TLS' t "$got"
run many -n 6 -R -d $url "$work/many" "$ask 'create role r; create table t as select 1; select count(*) from pg_stat_activity where datname is not null'" >"$work/many.out"
same 'six workers create the same role and table side by side' '0 6' "$status $(grep -c . "$work/many.out")"
got=$(run json -n 3 -d $url "$work/json" "for i in \$(seq 100); do cp $work/json/allocated-databases.json $work/json/seen.\$BERTH_WORKER; [ \$(grep -c logical $work/json/seen.\$BERTH_WORKER) = 3 ] && break; timeout 0.05 tail -f /dev/null; done; timeout 1 tail -f /dev/null"; cat "$work/json/seen.1" | tr -d ' \n' | grep -o '"logical":"mes_e2e_db"' | grep -c .)
same 'allocated-databases.json has one entry per worker' 3 "$got"
same 'and is empty afterwards' '[]' "$(cat "$work/json/allocated-databases.json")"

# --- template ---
mkdir "$work/seed"; chmod 755 "$work/seed"
echo 'create table item as select generate_series(1,100) id' >"$work/seed/seed.sql"
seed="$as_client; psql -qf $work/seed/seed.sql"
run seed1 -n 3 -d $url -s "$seed" "$work/seed1" "$ask 'delete from item where id <= 10; select count(*) from item'" >"$work/seed1.out"
same 'every worker starts from what the setup command made' '90 90 90' "$(tr '\n' ' ' <"$work/seed1.out" | sed 's/ $//')"
same 'the template is made once' 1 "$(grep -c 'database_template.*built' "$work/seed1.err")"
run seed2 -d $url -s "$seed" "$work/seed2" 'true'
same 'and found by the next run' 1 "$(grep -c 'database_template.*cached' "$work/seed2.err")"
echo 'create table item as select generate_series(1,7) id' >"$work/seed/seed.sql"
got=$(run seed3 -d $url -s "$seed" "$work/seed3" "$ask 'select count(*) from item'")
same 'a change in a file that the command names makes another' 7 "$got"
got=$(run reset -r -d $url -s "$seed" "$work/reset" "$ask 'delete from item where id = 1; select count(*) from item'" | tr '\n' ' ')
same 'a reset brings the template back' '6 6 ' "$got"
run bad -d $url -s 'exit 3' "$work/bad" 'true'
same 'a setup command that fails fails the run' 99 "$status"
ok 'and says so' grep -q 'the setup command failed' "$work/bad.err"
echo 'create table item as select generate_series(1,5) id' >"$work/seed/seed.sql"
(run race1 -d $url -s "$seed" "$work/race1" true) & one=$!
(run race2 -d $url -s "$seed" "$work/race2" true) & two=$!
wait $one $two
same 'of two runs that need the same template at once one makes it' '1 1' \
	"$(cat "$work/race1.err" "$work/race2.err" | grep -c 'template.*built') $(cat "$work/race1.err" "$work/race2.err" | grep -c 'template.*cached')"

# --- failures ---
base=28000; : >"$work/holder"; python3 -c "
import socket, time
s = socket.socket(); s.bind(('127.0.0.1', $base + 32)); s.listen(); print('up', flush=True); time.sleep(20)" >"$work/holder" & holder=$!
until grep -q up "$work/holder"; do :; done
got=$(DRIVER_BASE=$base run taken -d $url "$work/taken" "$ask 'select 1'"; kill $holder)
same 'an outsider on the real port costs a retry, nothing else' 1 "$got"
run kill -d $url "$work/kill" "kill -9 \$PPID" 2>/dev/null
alive() { pgrep -f "postgres -D $XDG_CACHE_HOME" >/dev/null; }
gone() { for i in $(seq 100); do alive || return 0; read -r _ </proc/uptime; timeout 0.05 tail -f /dev/null || true; done; return 1; }
ok 'a supervisor killed with -9 takes its servers with it' gone
run after -d $url "$work/after" "timeout 0.5 tail -f /dev/null"
same 'and the next run removes its debris' 0 "$(find "$XDG_CACHE_HOME/berth/pg/clones" -mindepth 1 | wc -l)"
run keep -K -d $url "$work/keep" "$ask 'create table evidence as select 42 x'; exit 1"
open=$(sed -n 's/^record w1 database_kept [0-9]* -1 \(.*\)   # then.*/\1/p' "$work/keep.err")
(exec sh -c "exec $open" >"$work/kept.log" 2>&1) & kept=$!
asks() { for i in $(seq 60); do PGPASSWORD=mes_password psql -h /tmp -p 54320 -U mes_user -Atc 'select x from evidence' mes_e2e_db 2>/dev/null && return; timeout 0.1 tail -f /dev/null || true; done; cat "$work/kept.log"; }
same 'a failed worker'"'"'s database is kept, and the command given opens it' 42 "$(asks)"
kill -INT "$(head -1 "$XDG_CACHE_HOME"/berth/pg/kept/*/5432/data/postmaster.pid)"; wait $kept || true

# --- privileges and secrets ---
if [ "$(id -u)" = 0 ]; then
	other=$(mktemp -d); chown nobody "$other"
	got=$(setpriv --reuid=nobody --clear-groups --regid="$(id -g nobody)" env HOME="$other" XDG_CACHE_HOME="$other/cache" XDG_STATE_HOME="$other/state" XDG_RUNTIME_DIR= \
		timeout 60 "$driver" -d $url "$other" "$ask 'select current_user'" 2>"$work/nobody.err" || cat "$work/nobody.err"); rm -rf "$other"
	same 'a user without privileges just works' mes_user "$got"
	same 'root hands the server to another user' 0 "$(run user -d $url "$work/user" "ps -o user= -p \$(pgrep -n -f '[p]ostgres -D $XDG_CACHE_HOME')" | grep -c root)"
fi
(while [ ! -e "$work/secret.stop" ]; do cat /proc/[0-9]*/cmdline 2>/dev/null || true; done | tr '\0' '\n' | sort -u >"$work/secret.args") & sampler=$!
DATABASE_URL=postgresql://mes_user:sEcReT99@localhost/x run secret -d mes_e2e_db -s true "$work/secret" "PGPASSWORD=nope psql -h localhost -U mes_user mes_e2e_db"
touch "$work/secret.stop"; wait $sampler
same 'no password in a log, a record or allocated-databases.json' 0 "$(cat "$work"/secret/*.log "$work"/secret/*.json "$work/secret.err" | grep -c sEcReT99)"
same 'nor in the arguments of any program, the one that makes roles included' "seen 0" \
	"$(grep -q -e --single "$work/secret.args" && echo seen) $(grep -c sEcReT99 "$work/secret.args")"
same 'nothing is left running' 0 "$(pgrep -c -f "postgres -D $XDG_CACHE_HOME" || true)"
# it is in the directory of its run, or a link there leads to it; tests/db/kinds.sh kills a run
same 'and no socket directory' '' "$(find -L "$work" -path "$work/kill" -prune -o -name 'berth-pg-*' -type d -print 2>/dev/null)"
find -L "$work/kill" -name 'berth-pg-*' -type d -exec rm -r {} + 2>/dev/null || true
finish
