#!/bin/sh
# Leaks injected into the shop's suite: Berth reports each once for each worker, with the test, its
# file and line. A server of another checkout listens on 3101 meanwhile. --full: also without a
# reporter, and within the shop's own projects and servers.
set -eu
[ -d "$(dirname "$0")/shop/node_modules" ] || npm --prefix "$(dirname "$0")/shop" ci --silent >&2
[ -n "${ALONE-}" ] || ALONE=1 exec "$(dirname "$0")/alone" "$0" "$@"
here=$(cd "$(dirname "$0")" && pwd)
berth=${BERTH:-$here/../../.out/bin/berth}
reporter=$(cd "$(dirname "$berth")/../share/berth/reporters" && pwd)/playwright.mjs
. "$here/lib.sh"
export DATABASE_URL=postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db

# found EXPECTED SENTENCE: the warnings and errors are these lines "KIND PORT TEST", for each of two
# workers
found() {
	jq -r '.findings[] | select(.severity != "note") | "w\(.worker) \(.kind) \(.port // 0) \(.test // "-")"' report.json | sort >"$work/got"
	printf '%s\n' "$1" | sed '/^$/d; s/^/w1 /p; s/^w1/w2/' | sort >"$work/want"
	jq -r '.findings[] | .detail' report.json >"$work/diff"
	status=0; diff "$work/want" "$work/got" >>"$work/diff" || status=1
	report "$status" "$2" "$work/diff"
}
# leak REPORTER COMMAND...
leak() {
	reporters=$1
	shift
	status=0
	"$berth" run -n 2 --output group --leaks fail --foreign fail --db mes_e2e_db --db-mode rename --json report.json \
		-- "$@" --reporter="$reporters" >"$work/log" 2>&1 || status=$?
}
spec=leaks/leaks.spec.js
line() { grep -n "'$1'" "$here/$spec" | cut -d: -f1; }
named() { echo "$1 $spec:$(line "$2") $2"; }

user=$(id -un)
prepare "$user" shop
cp -r "$here/leaks" "$work/project/leaks"
cd "$work/project"
server_start
(cd leaks && exec node server.js 3101) >"$work/other" & other=$!
(cd leaks && exec node server.js 3105) >"$work/other" & another=$!
leaks="$(named 'leaked_listener 3199' 'forgets a mail server')
$(named 'leaked_process 0' 'forgets a process')
$(named 'session_left 5432' 'forgets a transaction')
$(named 'leaked_listener 3198' 'asks a server that hoards connections')
$(named 'close_wait 0' 'asks a server that hoards connections')
$(named 'foreign_connection 3105' 'asks whoever is on 3105')"
foreign=$(named 'foreign_connection 3101' 'asks whoever is on 3101')

leak "list,$reporter" npx playwright test -c leaks/leaks.config.js
found "$leaks
$foreign" 'every leak is reported with its test'
status=0
jq -e --arg dir "$work/project/leaks" 'any(.findings[]; .kind == "foreign_connection" and .port == 3101 and
	(.detail | contains("node server.js 3101") and contains("in " + $dir)))' report.json >"$work/out" || status=1
report "$status" "the other checkout's server on 3101 is named with command and directory" "$work/log"
status=0
jq -e 'any(.findings[]; .kind == "leaked_listener" and .port == 3199 and (.command | test("node leaks/server.js 3199$"))
	and (.directory | endswith("/project")) and .age_ms > 6000)' report.json >"$work/out" || status=1
report "$status" 'the listener is named with command, directory and age' "$work/log"

if [ -z "${QUICK-}" ]; then
	leak list npx playwright test -c leaks/leaks.config.js
	found "$(printf '%s\n%s\n' "$leaks" "$foreign" | awk '{ print $1, $2, "-" }')" 'without a reporter, with process and time'

	kill "$other"
	sed "s|projects: areas.map.*|projects: [...areas.map((name) => ({ name, testMatch: \`\${name}.spec.js\` })), { name: 'leaks', testDir: 'leaks' }],|" \
		playwright.config.js >with-leaks.config.js
	export SHOP=1
	leak "list,$reporter" npx playwright test -c with-leaks.config.js --project=leaks --project=api --project=cart
	found "$leaks" "every leak is reported with its test among the shop's own tests"
fi
kill "$another"
kill "$other" 2>/dev/null || true
server_stop
rm -rf "$work"
finish
