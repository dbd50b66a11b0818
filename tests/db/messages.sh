#!/bin/bash
# SPDX-License-Identifier: MIT
# Messages name the cause, and no remedy that is in force already: why a setup did not run, which
# right a role lacks, what was kept, and nothing about a database that the suite makes anew.
. "$(dirname "$0")/lib.sh"
. tests/db/project.sh
export PGHOST=localhost PGPORT=5432 PGUSER=mes_user PGPASSWORD=mes_password PGDATABASE=mes_e2e_db
plain= # a plain user
if [ "$(id -u)" = 0 ]; then
	mkdir -m 777 "$work/plain"
	plain="setpriv --reuid nobody --regid nogroup --clear-groups env XDG_CACHE_HOME=$work/plain HOME=$work/plain XDG_RUNTIME_DIR= PATH=$PATH"
fi
berth() { status=0; timeout 90 $as "$berth" run --results "$work/r${as:+.plain}" "$@" >"$work/said" 2>&1 || status=$?; }
as=
mkdir -m 777 "$work/r" "$work/r.plain"
lacks() { ! grep -q "$1" "$work/said"; }

berth --leaks fail --db "$url" --db-mode private -- \
	sh -c 'dropdb mes_e2e_db && createdb mes_e2e_db && timeout 1.5 tail -f /dev/null || true'
same 'a database that the suite makes anew is not left behind' 0 "$status"
berth --db "$url" --db-mode private -- sh -c 'dropdb mes_e2e_db; psql -c "select 1"'
ok 'no hint to add a database that was given' lacks 'add --db'

as=$plain
berth --keep-failed --db "$url" --db-mode private -- sh -c 'psql -qc "create table n(x int)"; exit 3'
ok 'a plain user keeps the database of a failed worker' grep -q 'w1: database kept: ' "$work/said"
berth --db "$url" --db-mode private -- sh -c "$berth db reset && psql -Atc 'select 42'"
same 'a reset of a plain user starts the servers once' '0 0' "$status $(grep -c 'ended by itself' "$work/said")"
as=

sql "create role poor login password 'p'"
sql "create role maker login createdb password 'p'"
mode="--db-mode rename --db"
berth $mode "postgresql://poor:p@localhost:$sport/mes_e2e_db" --setup 'echo ran' -- true
same 'why a setup did not run, and what helps' "role 'poor' may not create databases
hint: ALTER ROLE poor CREATEDB" "$(sed -n "s/.*: role/role/p; /^hint/p" "$work/said")"
ok 'and not that it failed' lacks 'setup command failed'
berth $mode "postgresql://maker:p@localhost:$sport/mes_e2e_db" -- true
same 'a role that may create databases must own what it copies' "role 'maker' may not copy database 'mes_e2e_db', which role 'mes_user' owns
hint: ALTER DATABASE mes_e2e_db OWNER TO maker; or make it by --setup" "$(sed -n "s/.*: role/role/p; /^hint/p" "$work/said")"
# a session in the original: said before PostgreSQL has waited for it, and the run goes on when it has ended
mkfifo "$work/session"
PGAPPNAME=editor psql -qXAth "$sdir" -p "$sport" -U postgres mes_e2e_db <"$work/session" >"$work/pid" & session=$!
exec 7>"$work/session"
echo 'select pg_backend_pid();' >&7
wait_for test -s "$work/pid"
(exec 7>&-; berth $mode "$shurl" -- true; echo "$status" >"$work/status") & run=$!
wait_for grep -q '^berth: database' "$work/said" || :
same 'a session in the original is named, and the remedy' "database 'mes_e2e_db' cannot be copied while a session is in it: pid $(cat "$work/pid") (postgres, editor)
hint: end the session, or make the database by --setup" "$(sed -n 's/^berth: database/database/p; /^hint/p' "$work/said")"
ok 'the run waits for its end' [ ! -e "$work/status" ]
exec 7>&-
wait $session $run
same 'and goes on then' 0 "$(cat "$work/status")"

python3 -c "
import socket
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); print(s.getsockname()[1], flush=True)
while True: c = s.accept()[0]; c.recv(9); c.send(b'HTTP/1.1 400\r\n'); c.close()" >"$work/other" & other=$!
wait_for test -s "$work/other"
port=$(cat "$work/other")
berth --db "postgresql://a:b@localhost:$port/c" -- psql -Atc 'select 42' "postgresql://a:b@localhost:$port/c"
same 'another program on the port is no PostgreSQL server' '0 42' "$status $(head -1 "$work/said" | tail -c 3)"
berth --db "$shurl" --db "postgresql://a:b@localhost:$port/c" -- sh -c "psql -Atc 'select who from witness' '$shurl'; psql -Atc 'select 42' 'postgresql://a:b@localhost:$port/c'"
same 'of one server that answers and one that does not, the first is imported' '0 the original 42' "$status $(grep -x 'the original\|42' "$work/said" | paste -sd' ')"
sql 'create table hidden (x int)' mes_e2e_db
berth --db "$shurl" --db "postgresql://a:b@localhost:$port/c" -- true
ok 'if it cannot be imported, both ports are named' grep -q "answers on port $sport, and none on port $port" "$work/said"
sql 'drop table hidden' mes_e2e_db
kill $other
finish
