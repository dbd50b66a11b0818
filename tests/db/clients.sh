#!/bin/sh
# SPDX-License-Identifier: MIT
# All common PostgreSQL clients, in two workers at the same time: private and rename mode, each
# backend, TCP and Unix sockets, each sslmode, each authentication method. The programs print what
# they see (current_database() and the like) and write a line into table landed. A direct connection
# of the superuser shows in which database the line is. The other databases must not change. The
# short form tests one path through the matrix.
TMPDIR=/var/tmp # a worker's own /tmp hides that of the host
export TMPDIR
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/server.sh"
trap 'server_down 2>/dev/null || :; rm -rf "$work"' EXIT
berth=${BERTH:-$out/bin/berth}
clients=$PWD/tests/db/clients
programs=${CLIENTS-$(find "$clients" -name '*.*' ! -name run.sh ! -name worker.sh ! -name schema.prisma | sort | tr '\n' ' ')}
"$clients/install" "$out/npm" >"$work/npm.log" 2>&1 || explain npm "$(cat "$work/npm.log")"
export NODE_PATH="$out/npm/node_modules"
sql 'create table landed (cell text primary key)' mes_e2e_db; sql 'alter table landed owner to mes_user' mes_e2e_db
schema="create table if not exists landed (cell text primary key); create table if not exists witness as select 'the original' as who"
for program in $programs; do
	BUILD=1 sh "$clients/run.sh" "$program" "$work" >"$work/build" 2>&1 || [ $? -ge 77 ] || explain "$program" "$(cat "$work/build")"
done
export PGUSER=mes_user PGPASSWORD=mes_password PGDATABASE=mes_e2e_db PGPORT="$sport"
mkfifo "$work/done.1" "$work/done.2" "$work/go.1" "$work/go.2"
mkdir "$work/project"
echo "$schema" >"$work/project/schema.sql"

auth() { # auth METHOD: set how the server authenticates
	sed -i "s/^host .*/host all all 127.0.0.1\/32 $1/" "$sdir/data/pg_hba.conf"
	as_pg "$pgbin/pg_ctl" -s -D "$sdir/data" reload
	sql "set password_encryption = '${2-$1}'; alter role mes_user password 'mes_password'"
}
original() { pg_dump -h "$sdir" -p "$sport" -U postgres -C mes_e2e_db | grep -v '^.restrict\|^.unrestrict' | md5sum; }
landed() { # landed MODE N: the lines in worker N's database, by a connection from outside, without a relay
	query='select cell from landed order by cell collate "C"'
	found=$(jq -r --argjson n "$2" '.[] | select(.worker == $n) | "\(.real_port) \(.physical)"' $results/allocated-databases.json)
	case $1 in
	private) psql -h 127.0.0.1 -p "${found% *}" -Atqc "$query" "${found#* }" ;;
	rename) sql "$query" "${found#* }" ;;
	esac
}
meant() { awk -v n="$1" '$3 == 0 { print n, $1, $2 }' "$work/ran.$1" | LC_ALL=C sort; }

matrix() { # matrix WHAT MODE BACKEND CELLS: two workers at once
	what=$1; rm -rf $results
	truncate -s 0 "$work/ran.1" "$work/ran.2" "$work/words.1" "$work/words.2" "$work/seen.1" "$work/seen.2"
	before=$(original)
	(cd "$work/project" && BACKEND=$3; export BACKEND; exec timeout 590 "$berth" run -n 2 --share-paths "$work" --backend "$3" --db "$shurl?sslmode=require" --db-mode "$2" --setup 'psql -h localhost -qf schema.sql' \
		--timeout 580 --output group -- sh "$clients/worker.sh" "$work" "$programs" "$4") >"$work/run" 2>&1 & runner=$!
	for n in 1 2; do # a worker that dies early never opens its fifo
		timeout 580 cat "$work/done.$n" >/dev/null &
		reader=$!
		while kill -0 $reader 2>/dev/null && kill -0 $runner 2>/dev/null; do timeout 0.1 tail -f /dev/null || true; done
		kill $reader 2>/dev/null || true
	done
	for n in 1 2; do landed "$2" $n >"$work/seen.$n" 2>&1 || true; done
	others=$(databases)
	for n in 1 2; do timeout 5 sh -c "echo go >'$work/go.$n'" || true; done
	status=0; wait $runner || status=$?
	judge "$2"
}
judge() { # judge MODE
	for program in $programs; do
		client=$(basename "${program%.*}")
		cat "$work/ran.1" "$work/ran.2" | awk -v c="$client" '$1 == c' >"$work/rows"
		if ! grep -q ' 77$' "$work/rows"; then
			good=0; [ -s "$work/rows" ] && awk '$3 != 0 && $3 != 78 { exit 1 }' "$work/rows" || good=1
			grep -h "^$client " "$work/words.1" "$work/words.2" >"$work/why" || true
			report $good "$what: $client ($(awk '$3 == 0 { n++ } END { print n + 0 }' "$work/rows") ways)" "$work/why"
		else
			skip "$what: $client" 'its library is not installed'
		fi
	done
	good=0
	for n in 1 2; do
		[ -s "$work/seen.$n" ] || good=1
		meant $n | diff - "$work/seen.$n" >>"$work/diff.now" 2>&1 || good=1
	done
	[ $status = 0 ] || good=1
	cat "$work/run" >>"$work/diff.now"
	report $good "$what: each line is in the database of its own worker, and nowhere else" "$work/diff.now"
	rm -f "$work/diff.now"
	[ "$1" = private ] || same "$what: two databases while it ran (and a template), none afterwards" '3 1' "$others $(databases)"
	same "$what: the shared database is the same, byte for byte" "$before" "$(original)"
}

backends='preload seccomp bpf'
[ "$(id -u)" = 0 ] || backends='preload seccomp'
every='localhost=disable localhost=prefer localhost=require /tmp=disable'
if [ -n "${FULL-}" ]; then
	for backend in $backends; do
		matrix "private, $backend" private "$backend" "$every"
		for method in trust md5 scram-sha-256; do
			case $method in trust) auth trust scram-sha-256 ;; *) auth $method ;; esac
			matrix "rename, $backend, $method" rename "$backend" "$every"
		done
	done
else
	auth scram-sha-256
	matrix 'rename, preload, scram-sha-256' rename preload 'localhost=require'
	[ "$(id -u)" != 0 ] || matrix 'rename, bpf, scram-sha-256' rename bpf '/tmp=disable'
fi
finish
