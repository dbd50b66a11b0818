#!/bin/bash
# SPDX-License-Identifier: MIT
# Several machines share one server. Each is a network namespace, and its suite says localhost.
# Leases hold across machines, and a machine drops the databases of one that was killed. --full: a
# machine that is switched off closes no connection.
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP network namespaces need root'; exit 77; }
ip netns add "berth-$$-s" 2>/dev/null || { echo '1..0 # SKIP no network namespace can be made here: apt-get install iproute2'; exit 77; }
in_net() { where=/run/netns/berth-$$-$1; shift; nsenter --net="$where" "$@"; }
clear_up() {
	in_net s setpriv --reuid=postgres --regid=postgres --clear-groups "$pgbin/pg_ctl" -s -m immediate -D "$sdir/data" stop 2>/dev/null || true
	for net in s a b; do ip netns del "berth-$$-$net" 2>/dev/null || true; done
	rm -rf "$work"
}
trap clear_up EXIT
. tests/db/server.sh
server_down
in_net s ip link set lo up
for net in a b; do
	index=1; [ $net = a ] || index=2
	ip netns add "berth-$$-$net"
	in_net s ip link add "to-$net" type veth peer name eth0 netns "berth-$$-$net"
	in_net s ip addr add "10.99.$index.1/24" dev "to-$net"
	in_net s ip link set "to-$net" up
	in_net $net ip addr add "10.99.$index.2/24" dev eth0
	in_net $net ip link set eth0 up
	in_net $net ip link set lo up
	mkdir -p "$work/$net/run" "$work/$net/project"; chmod -R 777 "$work/$net"; chmod 700 "$work/$net/run"
done
echo 'host all all 10.99.0.0/16 scram-sha-256' >>"$sdir/data/pg_hba.conf"
in_net s setpriv --reuid=postgres --regid=postgres --clear-groups "$pgbin/pg_ctl" -w -s -D "$sdir/data" -l "$sdir/log" -o "-p $sport -k $sdir -c fsync=off -c ssl=on -c listen_addresses=* -c shared_buffers=16MB" start
berth=${BERTH:-$out/bin/berth}
case $berth in /*) ;; *) berth=$PWD/$berth ;; esac
index_of() { [ "$1" = a ] && echo 1 || echo 2; }
url_on() { echo "postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db?${2-}server=10.99.$(index_of "$1").1:$sport"; }
on() { # on MACHINE VERB OPTIONS...: its name, its run-time directory, its project
	machine=$1; shift
	(cd "$work/$machine/project" && exec nsenter --net="/run/netns/berth-$$-$machine" unshare --uts sh -c 'hostname "$0"; exec "$@"' "machine-$machine" \
		env XDG_RUNTIME_DIR="$work/$machine/run" PGHOST=localhost PGPORT=5432 PGUSER=mes_user PGPASSWORD=mes_password PGDATABASE=mes_e2e_db "$berth" "$@")
}
run_on() { machine=$1; shift; on "$machine" run --tree shared --db "$(url_on "$machine")" "$@"; }
wait_for() { i=0; while [ $i -lt "${limit:-200}" ]; do "$@" && return 0; i=$((i + 1)); timeout 0.1 tail -f /dev/null || true; done; return 1; }
kill_all() { # all processes of machine a: only they have its directory in the environment
	for process in $(grep -lz "^XDG_RUNTIME_DIR=$work/a/run" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3); do
		kill -9 "$process" 2>/dev/null || true
	done
}
# The killed machine is back and removes its files and its cgroup; no other machine does.
back() {
	id=$(ls "$work/a/run/berth")
	there=$(traces)
	on a reap >/dev/null 2>&1 || true
	same 'back again, it removes what is its own' 'some, then 0' "$([ "$there" = 0 ] || echo some), then $(traces)"
}
traces() { find "$work/a/run/berth" /sys/fs/cgroup -maxdepth 6 -type d \( -name "$id" -o -name "berth-$id" \) 2>/dev/null | wc -l; }
states() { on "$1" db list --json --db "$(url_on "$1")" | jq -r '.[0].databases[] | "\(.state) \(.host // "-")"' | sort | uniq -c | sed 's/^ *//'; }

same 'the suite says localhost and reaches the server of another machine' 'the original|mes_e2e_db' "$(run_on a -- psql -Atqc 'select who, current_database() from witness' 2>&1)"
same 'encrypted, if the URL says sslmode=require' 't' "$(on a run --tree shared --db "$(url_on a 'sslmode=require&')" -- psql -Atqc 'select ssl from pg_stat_ssl where pid = pg_backend_pid()' 2>&1)"
same 'nothing is left' 0 "$(databases)"
seed='psql -qf seed.sql'
for net in a b; do
	echo 'create table item as select generate_series(1, 100) n' >"$work/$net/project/seed.sql"
	(run_on $net -n 3 --output group --setup "$seed" -- sh -c "psql -qc 'delete from item where n <= 10'; : >$work/$net/go-\$BERTH_WORKER; until [ -e $work/$net/end ]; do sleep 0.1; done; psql -Atqc 'select count(*) from item'" >"$work/$net/out" 2>"$work/$net/err") &
done
begun() { [ "$(ls "$work"/[ab]/go-* 2>/dev/null | wc -l)" = 6 ]; }
ok 'six workers on two machines have their databases' wait_for begun
same 'made from one template' 1 "$(sql "select count(*) from pg_database where datname like 'berth_tpl_%'")"
same 'each machine sees whose they are, and that they live' '3 live machine-a
3 live machine-b
1 template -' "$(states b)"
kill_all
freed() { states b | grep -qx '3 dead machine-a'; }
ok 'one is killed with all that it runs: its leases are free' wait_for freed
same 'a run on the other machine reaps them, and leaves the neighbour alone' '3 live machine-b
1 template -' "$(run_on b -- true >/dev/null 2>&1; states b)"
: >"$work/b/end"; wait
same 'which passes as if nothing had been' '90 90 90' "$(grep '^[0-9]*$' "$work/b/out" | tr '\n' ' ' | sed 's/ $//')"
same 'the template alone is left' 1 "$(databases)"
back
if [ -n "${FULL-}" ]; then
	rm -f "$work"/a/go-*
	(run_on a --setup "$seed" -- sh -c ": >$work/a/go-1; exec sleep 300" >/dev/null 2>&1) &
	switched_on() { [ -e "$work/a/go-1" ]; }
	ok 'a machine works' wait_for switched_on
	in_net s ip link del to-a
	kill_all
	one_dead() { states b | grep -qx '1 dead machine-a'; }
	limit=400
	ok 'it is switched off: the server misses it within a minute or two' wait_for one_dead
	run_on b -- true >/dev/null 2>&1
	same 'and its database goes' '1 template -' "$(states b)"
	wait
	back
fi
finish
