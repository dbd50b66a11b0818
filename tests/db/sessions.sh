#!/bin/bash
# SPDX-License-Identifier: MIT
# Findings and records about a worker's database sessions, in private and in rename mode: idle in
# a transaction, ended for that, abandoned in one, slow statements, databases left behind, the
# number of connections. A suite that does nothing of this has no findings.
. "$(dirname "$0")/lib.sh"
. tests/db/project.sh
export PATH="$pgbin:$PATH" # Debian's psql is a wrapper, whose start takes seconds under load
berth() { status=0; timeout 60 "$berth" "$@" >"$work/output" 2>"$work/errors" || status=$?; }
findings() {
	jq -r '.findings[] | select(.severity != "note") | "w\(.worker) \(.kind) \(.detail)"' \
		report.json | sed 's/[0-9.]* s\b/N s/' | sort
}
records() {
	jq -r "select(.event == \"$1\") | \"w\\(.worker) \\(.detail)\"" $results/runs/*/events.ndjson
}
cat >bad <<'SUITE'
(echo 'begin; select 1;'; timeout 3.6 tail -f /dev/null) | psql -q >/dev/null 2>&1 &
if [ "$BERTH_WORKER" = 1 ]; then
	(echo 'begin; select 1;'; timeout 6.6 tail -f /dev/null; echo 'select 2;') |
		psql -q >/dev/null 2>"$1" &
	psql -qc "select pg_sleep(2.4), 'sEcReT99', 4711 -- a comment" >/dev/null
	psql -qc 'create database forgotten' -c 'create database dropped' -c 'drop database dropped'
	python3 "$2" "$PGPORT" 7 1.3
else
	psql -qc 'begin' -c 'select pg_sleep(3.6)' -c 'commit' >/dev/null
fi
wait
[ "$BERTH_WORKER" = 2 ] || psql -qc 'create database late'
SUITE
cat >leave <<'SUITE'
python3 -c "import os, sys, time; sys.path.insert(0, '$1'); import protocol
def mark(name):
    with open(os.environ['BERTH_MARK'], 'w') as file:
        print(os.environ['BERTH_WORKER'], '%.3f' % (time.time() * 1000), name, file=file)
s = protocol.Session($PGPORT)
s.query('create temp table t (x text)')
s.socket.sendall(protocol.extended(b'copy t from stdin', [])) # its Sync has no answer
while s.read()[0] != b'G': pass
s.socket.sendall(protocol.message(b'c', b'') + protocol.message(b'S', b''))
s.until_ready()
mark('holds'); time.sleep(.3)
s.query('begin'); mark('next'); time.sleep(2.5); os._exit(0)"
timeout 1.2 tail -f /dev/null || true
SUITE
for mode in private rename; do
	port=5432; [ $mode = private ] || port=$sport
	export PGHOST=localhost PGPORT=$port PGDATABASE=mes_e2e_db
	export PGUSER=mes_user PGPASSWORD=mes_password
	cat >berth.yaml <<-YAML
		db: postgresql://mes_user:mes_password@localhost:$port/mes_e2e_db
		db-mode: $mode
		tree: shared
		idle-alarm: 1s
		idle-kill: 4s
	YAML
	rm -rf $results
	berth run -n 2 --output group --json report.json -- bash bad "$work/idle" "$hold"
	idle="on port $port idle in a transaction, the oldest for N s"
	left="'forgotten', 'late' on port $port, which the suite had created"
	same "$mode: the findings" "w1 database_left $left
w1 idle_in_transaction 2 sessions $idle
w2 idle_in_transaction 1 session $idle" "$(findings)"
	same "$mode: a session that is ended gets the reason" 1 \
		"$(grep -c 'due to idle-in-transaction timeout' "$work/idle")"
	same "$mode: and is recorded" 'w1 1' "$(records database_idle_ended)"
	same "$mode: slow statements are recorded, without their values" \
		'w1 select pg_sleep(?.?), ?, ?
w2 select pg_sleep(?.?)' "$(records database_slow_query | grep sleep | sort)"
	records database_connections >connections
	ok "$mode: the number of connections is recorded" grep 'w1 [789]' connections
	berth run --leaks fail --json report.json -- bash leave "$(dirname "$hold")"
	left="a session on port $port ended with its process, idle in a transaction for N s"
	same "$mode: a session that ends with its process in a transaction is a leak" \
		"121 w1 session_left $left" "$status $(findings | grep session_left)"
	same "$mode: it belongs to the test in which it became idle" holds \
		"$(jq -r '.findings[] | select(.kind == "session_left").test' report.json)"
	berth run --leaks fail --json report.json -- bash -c "psql -qc 'create database mine'
		python3 '$hold' $port 3 2.4; psql -qc 'drop database mine'"
	same "$mode: a suite that does nothing of this has no findings" '0 ' "$status $(findings)"
done
finish
