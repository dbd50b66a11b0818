#!/bin/sh
# The shop's unchanged suite with databases by Berth: private clusters from one migrated and seeded template, then one shared
# server with a renamed database for every worker, which must be the same before and after.
set -eu
[ -d "$(dirname "$0")/shop/node_modules" ] || npm --prefix "$(dirname "$0")/shop" ci --silent >&2
[ -n "${ALONE-}" ] || ALONE=1 exec "$(dirname "$0")/alone" "$0" "$@"
here=$(cd "$(dirname "$0")" && pwd)
berth=${BERTH:-$here/../../.out/bin/berth}
. "$here/lib.sh"
export DATABASE_URL=postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db
projects=auth,register,catalog,search,product,cart,checkout,orders,live-orders,production,inventory,admin,pricing,api
projects=$projects,cors,database,operations
[ -z "${QUICK-}" ] || projects=orders,database,live-orders
count=$(echo "$projects" | tr ',' '\n' | wc -l)

# each USER SENTENCE OPTIONS: every project in a worker of its own, all with the database of one template
each() {
	status=0
	as "$1" "cd '$work/project' && '$berth' run --output group --each $projects -j 4 --db mes_e2e_db $3 \
		--setup 'npm run db:setup' -- npx playwright test --project={task}" >"$work/log" 2>&1 || status=$?
	report "$status" "$2 pass ($1)" "$work/log"
	status=0; grep -E 'mes_password|EADDRINUSE|already used' "$work/log" >"$work/bad" && status=1
	report "$status" "$2: no password and no port in use in what was printed ($1)" "$work/bad"
}

databases() { psql -h localhost -U mes_user postgres -Atc "SELECT datname FROM pg_database WHERE datname LIKE 'mes_e2e_db%' ORDER BY 1"; }

echo 1..8
user=root
[ "$(id -u)" = 0 ] || user=$(id -un)
prepare "$user" shop
each "$user" "$count projects with private clusters" '--db-mode private'
status=0; settle || status=$?
report "$status" 'private: nothing is left' "$work/left"

server_start
pg_dump -h localhost -U mes_user -C mes_e2e_db | grep -v '^[\]' | sha256sum >"$work/sum"
each "$user" "$count projects with one shared server" '--db-mode rename'
status=0; pg_dump -h localhost -U mes_user -C mes_e2e_db | grep -v '^[\]' | sha256sum | cmp - "$work/sum" >"$work/bad" 2>&1 || status=$?
report "$status" 'rename: the shared database is the same before and after' "$work/bad"
databases >"$work/names"
status=0; echo mes_e2e_db | cmp - "$work/names" >/dev/null || status=1
report "$status" 'rename: no database of a worker is left' "$work/names"
server_stop
status=0; settle || status=$?
report "$status" 'rename: nothing is left' "$work/left"
rm -rf "$work"
