#!/bin/sh
# The shop's unchanged suite with databases by Berth: first private servers from one template, then a
# renamed database for every worker on one shared server. The shared database must be the same before
# and after, also when the server restarts during the run, and when the supervisor is killed at random
# moments (SEED=N repeats them).
set -eu
[ -d "$(dirname "$0")/shop/node_modules" ] || npm --prefix "$(dirname "$0")/shop" ci --silent >&2
[ -n "${ALONE-}" ] || ALONE=1 exec "$(dirname "$0")/alone" "$0" "$@"
here=$(cd "$(dirname "$0")" && pwd)
berth=${BERTH:-$here/../../.out/bin/berth}
. "$here/lib.sh"
export DATABASE_URL=postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db
projects=auth,register,catalog,search,product,cart,checkout,orders,live-orders,production,inventory,admin,pricing,api
projects=$projects,cors,database,operations
slots=17 deaths=4
[ -z "${QUICK-}" ] || projects=orders,database,live-orders slots=3 deaths=0
count=$(echo "$projects" | tr ',' '\n' | wc -l)

# each USER SENTENCE OPTIONS: every project in a worker of its own, all with the database of one template
each() {
	status=0
	as "$1" "cd '$work/project' && '$berth' run --output group --each $projects -j $slots --db mes_e2e_db $3 \
		--setup 'npm run db:setup' -- npx playwright test --project={task}" >"$work/log" 2>&1 || status=$?
	report "$status" "$2 pass ($1)" "$work/log"
	status=0; grep -E 'mes_password|EADDRINUSE|already used' "$work/log" >"$work/bad" && status=1
	report "$status" "$2: no password and no port in use in what was printed ($1)" "$work/bad"
}

databases() { psql -h localhost -U mes_user postgres -Atc "SELECT datname FROM pg_database WHERE datname LIKE 'mes_e2e_db%' ORDER BY 1"; }


# start: the same run in the background; $work/pid is its supervisor
start() {
	rm -f "$work/pid"
	as "$user" "cd '$work/project' && echo \$\$ >'$work/pid' && exec '$berth' run --output group --each $projects -j $slots \
		--db mes_e2e_db --db-mode rename --setup 'npm run db:setup' -- npx playwright test --project={task}" >"$work/log" 2>&1 &
	started=$!
}
# after SECONDS: wait that long, or until the run ends
after() { timeout "$1" tail --pid="$started" -f /dev/null || true; }
chance() { awk -v seed="$seed" -v n="$1" 'BEGIN { srand(seed + n); print 0.5 + rand() * 12 }'; }
# clean WHEN: within half a minute nothing is left, and the shared database is the same as before
clean() {
	status=1
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		settle || continue
		databases >"$work/names"
		echo mes_e2e_db | cmp -s - "$work/names" && status=0 && break
	done
	cat "$work/names" >>"$work/left"
	report "$status" "$1: nothing is left" "$work/left"
	same_as_before "$1"
}
same_as_before() {
	status=0; dump | cmp - "$work/sum" >"$work/bad" 2>&1 || status=$?
	report "$status" "$1: the shared database is the same before and after" "$work/bad"
}
dump() { pg_dump -h localhost -U mes_user -C mes_e2e_db | grep -v '^[\]' | sha256sum; }

user=root
[ "$(id -u)" = 0 ] || user=$(id -un)
prepare "$user" shop
each "$user" "$count projects with private clusters" '--db-mode private'
status=0; settle || status=$?
report "$status" 'private: nothing is left' "$work/left"

server_start
dump >"$work/sum"
each "$user" "$count projects with one shared server" '--db-mode rename'
same_as_before rename
databases >"$work/names"
status=0; echo mes_e2e_db | cmp - "$work/names" >/dev/null || status=1
report "$status" 'rename: no database of a worker is left' "$work/names"
if [ "$deaths" != 0 ]; then
	# statements that the server cannot answer during the restart may fail
	start; after 6; server_kill; server_again; wait "$started" || true
	clean 'a server that restarts in the middle'
	seed=${SEED:-$(date +%s)}
	for death in $(seq "$deaths"); do
		moment=$(chance "$death")
		start; after "$moment"
		kill -9 "$(cat "$work/pid")" 2>/dev/null || true
		wait "$started" || true
		clean "the supervisor is killed after $moment s (seed $seed)"
	done
	each "$user" "$count projects after all that" '--db-mode rename'
fi
server_stop
status=0; settle || status=$?
report "$status" 'rename: nothing is left' "$work/left"
rm -rf "$work"
finish
