#!/bin/sh
# Suites without leaks in many languages, two copies of each with every gate on: no finding but notes.
set -eu
[ -d "$(dirname "$0")/shop/node_modules" ] || npm --prefix "$(dirname "$0")/shop" ci --silent >&2
[ -d "$(dirname "$0")/reporters/node_modules" ] ||
	npm --prefix "$(dirname "$0")/reporters" install --silent --no-audit --no-fund --no-package-lock >&2
[ -n "${ALONE-}" ] || ALONE=1 exec "$(dirname "$0")/alone" "$0" "$@"
here=$(cd "$(dirname "$0")" && pwd)
berth=${BERTH:-$here/../../.out/bin/berth}
. "$here/lib.sh"

# clean SENTENCE SUITE COMMAND
clean() {
	prepare "$(id -un)" "$2"
	status=0
	(cd "$work/project" && HOME=$work/home "$berth" run -n 2 --output group --leaks fail --foreign fail --json "$work/report" -- sh -c "$3") \
		>"$work/log" 2>&1 || status=$?
	jq -r '.findings[] | select(.severity != "note") | "\(.kind) \(.detail) \(.command)"' "$work/report" >"$work/found" || status=1
	cat "$work/found" >>"$work/log"
	[ -s "$work/found" ] && status=1
	report "$status" "$1: no finding" "$work/log"
	rm -rf "$work"
}

suites='pytest go java ruby shell udp php'
[ -z "${QUICK-}" ] || suites='pytest shell'
for suite in $suites; do clean "$suite" "$suite" ./run; done
clean redis clean ./redis
clean nginx clean ./nginx
clean 'Perl, prove' clean 'prove t'
clean Jest reporters 'npx jest -t harbour jest.test.js'
clean Vitest reporters 'npx vitest run vitest.spec.mjs -t harbour'
[ -n "${QUICK-}" ] || clean 'Playwright, API and browser' shop 'npx playwright test --project=api --project=search --project=database'
finish
