#!/bin/sh
# The shop's unchanged Playwright suite: 8 copies at once, and its 17 projects by --each. No EADDRINUSE,
# nothing left. As a plain user 4 copies, 8 with --full.
set -eu
[ -d "$(dirname "$0")/shop/node_modules" ] || npm --prefix "$(dirname "$0")/shop" ci --silent >&2
[ -n "${ALONE-}" ] || ALONE=1 exec "$(dirname "$0")/alone" "$0" "$@"
here=$(cd "$(dirname "$0")" && pwd)
berth=${BERTH:-$here/../../.out/bin/berth}
. "$here/lib.sh"
projects=auth,register,catalog,search,product,cart,checkout,orders,live-orders,production,inventory,admin,pricing,api
projects=$projects,cors,database,operations
short='--project=live-orders --project=cors --project=operations'

# check USER SENTENCE OPTIONS COMMAND: what every run of the suite must show
check() {
	status=0
	as "$1" "cd '$work/project' && '$berth' run --output group $3 -- $4" >"$work/log" 2>&1 || status=$?
	report "$status" "$2 pass ($1)" "$work/log"
	status=0; grep -E 'EADDRINUSE|already used|foreign|outside of the run' "$work/log" >"$work/bad" && status=1
	report "$status" "$2: no port in use, no foreign connection ($1)" "$work/bad"
	status=0; settle || status=$?
	report "$status" "$2: nothing is left ($1)" "$work/left"
}

echo "1..10"
user=root
[ "$(id -u)" = 0 ] || user=$(id -un)
prepare "$user" shop
check "$user" 'eight copies' '-n 8' "npx playwright test $short"
status=0
for worker in 1 2 3 4 5 6 7 8; do
	[ -d "$(find "$work"/home/.local/state/berth/*/runs -path "*/w$worker/tree/test-results" -print -quit)" ] || status=1
done
find "$work"/home/.local/state/berth/*/runs -maxdepth 4 >"$work/log"
report "$status" 'every copy has a test-results of its own' "$work/log"
check "$user" 'seventeen projects' "--each $projects -j 3" 'npx playwright test --project={task}'
rm -rf "$work"

[ "$user" != root ] || user=nobody
copies=4; [ -z "${FULL-}" ] || copies=8
prepare "$user" shop
check "$user" 'copies' "-n $copies" "npx playwright test $short"
rm -rf "$work"
