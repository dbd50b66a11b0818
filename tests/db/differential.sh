#!/bin/sh
# SPDX-License-Identifier: MIT
# The same statements directly and through the relay, compared message by message. The database has
# the logical name at first; then it is made anew with the physical one. The statements are those of
# differential.sql, in four ways of the protocol, and PostgreSQL's definitions of its own views.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/server.sh"
rport=$((26000 + $$ % 900)); suffix=_t1_abcdefgh; phys=mes_e2e_db$suffix; relay=''
trap 'kill $relay 2>/dev/null || :; server_down 2>/dev/null || :; rm -rf "$work"' EXIT
export PGPASSWORD=mes_password PGUSER=mes_user PGHOST=127.0.0.1 PGSSLMODE=disable
views=/usr/share/postgresql/$(basename "$(dirname "$pgbin")")
[ -r "$views/system_views.sql" ] || views=$("$pgbin/pg_config" --sharedir)

run_all() { # run_all HOW PORT: results in files that begin with HOW
	python3 tests/db/differential.py "$2" mes_e2e_db tests/db/differential.sql \
		>"$work/$1.own" 2>"$work/$1.err" || cat "$work/$1.err"
	psql -p "$2" -qc 'create schema v' mes_e2e_db
	for file in system_views information_schema; do
		sed 's/information_schema/v/g' "$views/$file.sql" |
			psql -p "$2" -qaX -v VERBOSITY=verbose -c 'set search_path = v' -f - \
				mes_e2e_db >"$work/$1.$file" 2>&1 || true
	done
}
run_all direct "$sport"
sql 'drop database mes_e2e_db'
sql "create database $phys owner mes_user"
sql "create table witness as select 'the original' as who; alter table witness owner to mes_user" \
	"$phys"
"$out/tests/db/relay" $rport '' 127.0.0.1 "$sport" $suffix mes_e2e_db \
	>"$work/relay.out" 2>&1 & relay=$!
until grep -q . "$work/relay.out"; do kill -0 $relay; done
run_all through "$rport"

lines=$(grep -c '^simple>' "$work/direct.own")
pipelined=$(grep -c '^pipelined>' "$work/direct.own")
ok "$lines statements, each in four ways: the same messages" \
	diff "$work/direct.own" "$work/through.own"
ok 'none is missing' test "$lines" -ge 400 -a "$pipelined" -ge 350
for file in system_views information_schema; do
	ok "$(grep -ci '^create view' "$work/direct.$file") views of $file.sql: the same words" \
		diff "$work/direct.$file" "$work/through.$file"
done
finish
