#!/bin/sh
# The shop's unchanged Playwright suite: four copies at once, and six of its projects by --each. No
# EADDRINUSE, nothing left. As a plain user two copies. With --full eight copies and all 17 projects.
set -eu
[ -d "$(dirname "$0")/shop/node_modules" ] || npm --prefix "$(dirname "$0")/shop" ci --silent >&2
[ -n "${ALONE-}" ] || ALONE=1 exec "$(dirname "$0")/alone" "$0" "$@"
here=$(cd "$(dirname "$0")" && pwd)
berth=${BERTH:-$here/../../.out/bin/berth}
. "$here/lib.sh"
projects=auth,cart,checkout,production,api,database copies=4 nobody_copies=2
if [ -n "${FULL-}" ]; then
	projects=$projects,register,catalog,search,product,orders,live-orders,inventory,admin,pricing
	projects=$projects,cors,operations copies=8 nobody_copies=8
fi
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
check "$user" "$copies copies" "-n $copies" "npx playwright test $short"
status=0
for worker in $(seq $copies); do
	results=$(find "$work"/home/.local/state/berth/*/runs -path "*/w$worker/tree/test-results" -print -quit)
	[ -d "$results" ] || status=1
done
find "$work"/home/.local/state/berth/*/runs -maxdepth 4 >"$work/log"
report "$status" 'every copy has a test-results of its own' "$work/log"
check "$user" 'projects by --each' "--each $projects -j 3" 'npx playwright test --project={task}'
rm -rf "$work"

[ "$user" != root ] || user=nobody
prepare "$user" shop
check "$user" "$nobody_copies copies" "-n $nobody_copies" "npx playwright test $short"
rm -rf "$work"
