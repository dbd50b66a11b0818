#!/bin/sh
# SPDX-License-Identifier: MIT
# Side by side, in one run: a private cluster beside initdb and createdb -T, private Redis and MariaDB beside their own programs; the
# relay beside no relay, pgbouncer, a forwarder that looks at nothing, and the relay with the server's unix socket behind it.
#	tests/bench/pg.sh [SECONDS]	per measurement of pgbench, default 5; ROUNDS=3 of them, alternating
#	COPY_MB=1000 PART=path		how much COPY moves, default 224; only the data path, without the clusters
cd "$(dirname "$0")/../pg"; set -- "$(pwd)/bench" "${1:-5}"; seconds=$2
cd ../..; . tests/db/lib.sh >/dev/null; . tests/db/server.sh; . tests/bench/lib.sh
rport=$((26000 + $$ % 900)) bport=$((27000 + $$ % 900)) fport=$((24000 + $$ % 900)) uport=$((25000 + $$ % 900)); relay='' bouncer='' phys=mes_e2e_db_b_abcdefgh
trap 'kill $relay $bouncer 2>/dev/null || :; server_down 2>/dev/null || :; rm -rf "$work"' EXIT
say() { printf '%-52s %s\n' "$1" "$2"; }

clusters() {
echo '# ready after, ms (median of 5)'
init() { as_pg "$pgbin/initdb" -D "$sdir/init.$1" -U postgres -A trust --no-sync && as_pg "$pgbin/pg_ctl" -w -s -D "$sdir/init.$1" -l /dev/null -o "-p $((sport + 1)) -k $sdir -c fsync=off -c listen_addresses=" start; }
say 'initdb --no-sync and start' "$(for i in 1 2 3; do took init $i; as_pg "$pgbin/pg_ctl" -s -m immediate -D "$sdir/init.$i" stop; done | median)"
sql 'create database tpl owner mes_user'
say 'createdb -T (fsync off)' "$(for i in 1 2 3 4 5; do took createdb -h "$sdir" -p $sport -U postgres -T tpl c$i; done | median)"
command -v pg_virtualenv >/dev/null && say 'pg_virtualenv true, with its end' "$(for i in 1 2 3; do took as_pg env HOME="$sdir" pg_virtualenv true; done | median)"
run warm -d $url "$work/warm" true
for way in overlay copy; do
	say "private cluster, $way" "$(for i in 1 2 3 4 5; do BERTH_PG_CLONE=$way run b -d $url "$work/b" true; awk '/database_ready/ {print $5}' "$work/b.err"; done | median)"
	say "16 private clusters at once, $way, the last one" "$(BERTH_PG_CLONE=$way run b -n 16 -d $url "$work/b" true; awk '/database_ready/ {print $5}' "$work/b.err" | sort -n | tail -1)"
done
say 'rename mode, a database for a worker' "$(for i in 1 2 3; do run b -m rename -d "$shurl" "$work/b" true; awk '/database_ready/ {print $5}' "$work/b.err"; done | median)"
}
kinds() { # the same for what is no PostgreSQL
redis_up() { redis-server --port $rport --save '' --dir "$sdir" --daemonize yes; until redis-cli -p $rport ping | grep -q PONG; do :; done; }
maria_up() {
	mariadb-install-db --no-defaults --datadir="$sdir/maria" --user="$(id -un)" --skip-test-db
	mariadbd --no-defaults --datadir="$sdir/maria" --user="$(id -un)" --socket="$sdir/maria.s" --skip-networking & mariadbd=$!
	until mariadb-admin -S "$sdir/maria.s" ping; do kill -0 $mariadbd; done
}
mkdir -p "$work/kinds"
ready() { # ready URL: of two workers at once, each; the template is made before
	for i in 1 2 3 4 5 6; do (cd "$work/kinds" && rm -rf $results && "$berth" run -n 2 --db-mode private --db "$1" -- true >/dev/null 2>&1
		sed -n 's/.*"duration_ms":\([0-9]*\),"event":"database_ready".*/\1/p' $results/runs/*/events.ndjson); done | tail -n 10 | median
}
say 'redis-server' "$(for i in 1 2 3 4 5; do took redis_up; redis-cli -p $rport shutdown nosave >/dev/null; done | median)"
say 'private redis' "$(ready redis://localhost:6379/0)"
say 'mariadb-install-db and mariadbd' "$(for i in 1 2 3; do rm -rf "$sdir/maria"; took maria_up; mariadb-admin -S "$sdir/maria.s" shutdown; done | median)"
say 'private mariadb' "$(ready mysql://shop:x@localhost:3306/shop)"
}
if [ "${PART-}" != path ]; then
	clusters
	! command -v redis-server mariadbd >/dev/null || kinds
fi

# --- the data path ---
sql "create database $phys owner mes_user"
export PGPASSWORD=mes_password PGUSER=mes_user PGHOST=127.0.0.1 PGSSLMODE=disable
pgbench -q -i -s 5 -p $sport $phys >/dev/null 2>&1
"$out/tests/db/relay" $rport "" 127.0.0.1 $sport _b_abcdefgh mes_e2e_db >"$work/relay.out" & relay=$!
"$out/tests/db/relay" $uport "" "$sdir" $sport _b_abcdefgh mes_e2e_db >"$work/socket.out" & relay="$relay $!"
"$out/tests/bench/forward" $fport $sport & relay="$relay $!"
if command -v pgbouncer >/dev/null; then
	printf '"mes_user" "mes_password"\n' >"$work/users"; chmod 644 "$work/users"
	cat >"$work/bouncer.ini" <<INI
[databases]
mes_e2e_db = host=127.0.0.1 port=$sport dbname=$phys
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $bport
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $work/users
pool_mode = session
pidfile = $sdir/bouncer.pid
max_client_conn = 500
default_pool_size = 100
INI
	as_pg pgbouncer "$work/bouncer.ini" >/dev/null 2>&1 & starting=$! # a shell's: the program under it has another number
	until psql -p $bport -Atqc 'select 1' mes_e2e_db >/dev/null 2>&1; do kill -0 $starting; done
	bouncer=$(cat "$sdir/bouncer.pid")
fi
until grep -q ready "$work/relay.out" && grep -q ready "$work/socket.out"; do :; done
tps() { pgbench -n -T "$seconds" "$@" 2>/dev/null | awk '/^tps/ {print int($3)}'; }
copy_mb=${COPY_MB:-224} rows=$((${COPY_MB:-224} * 3125))
copy_out() { psql -p "$1" -qc "copy (select g, repeat(md5(g::text), 10) from generate_series(1,$rows) g) to stdout" "$2" >"${3:-/dev/null}"; }
copy_in() { psql -p "$1" -qc 'truncate sink' -c 'copy sink from stdin' "$2" <"$work/rows"; }
ends="direct:$sport:$phys relay:$rport:mes_e2e_db ${bouncer:+pgbouncer:$bport:mes_e2e_db} forward:$fport:$phys socket:$uport:mes_e2e_db"
ticks() { # hundredths of a second of a processor that all who take part have had so far
	server=$(head -1 "$sdir/data/postmaster.pid")
	for pid in $$ $relay $bouncer "$server" $(pgrep -P "$server"); do sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null; done | awk '{n += $12 + $13 + $14 + $15} END {print n}'
}
row() { # row KIND MORE: the median of every end, and that of what each of the others is to the first in the same round
	for end in $ends; do printf ' %9.1f' "$(median <"$work/$1.${end%%:*}")"; done; printf '  '
	for end in ${ends#* }; do printf ' %.2f' "$(paste "$work/$1.${ends%%:*}" "$work/$1.${end%%:*}" | awk -v more="$2" '{print more ? $2 / $1 : $1 / $2}' | median)"; done; echo
}
measure() { # measure TITLE FUNCTION ARGS...: every end in turn, ROUNDS times. On a machine that others use too, look at the second row.
	title=$1; shift; rm -f "$work"/[mc].*
	case $title in *tps) amount=$seconds ;; *) amount='' ;; esac
	for round in $(seq "${ROUNDS:-3}"); do
		for end in $ends; do
			name=${end#*:} before=$(ticks)
			value=$("$@" "${name%:*}" "${name#*:}")
			echo "$value" >>"$work/m.${end%%:*}"
			echo "$(($(ticks) - before)) ${amount:+$((amount * value))} $copy_mb" | awk '{print $1 * 10000 / $2}' >>"$work/c.${end%%:*}"
		done
	done
	printf '%-32s' "$title"; row m 1
	printf '%-32s' '  processor time of each, us'; row c ''
}
b() { m=$1 c=$2; shift 2; case $m in s) o='-S' ;; p) o='-S -M prepared' ;; t) o='' ;; c) o='-S -C' ;; esac; tps $o -c "$c" -j 1 -p "$1" "$2"; }
mb() { echo $((copy_mb * 1000 / $(took "$1" "$2" "$3"))); }
printf '\n%-32s' '# beside direct, in this order:'; for end in $ends; do printf ' %9s' "${end%%:*}"; done; echo
measure 'pgbench -S, 1 client, tps' b s 1
measure 'pgbench -S, 8 clients, tps' b s 8
measure 'pgbench -S -M prepared, 8, tps' b p 8
measure 'pgbench TPC-B, 8, tps' b t 8
measure 'pgbench -S -C, 1, tps' b c 1
measure 'pgbench -S -C, 8, tps' b c 8
measure "COPY out of $copy_mb MB, MB/s" mb copy_out
copy_out $sport $phys "$work/rows"
psql -p $sport -qc 'create unlogged table sink (g int, t text)' $phys
measure "COPY in of $copy_mb MB, MB/s" mb copy_in
