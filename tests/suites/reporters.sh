#!/bin/sh
# The reporters with the real runners: a leaked server is reported with the name and place of its test;
# without a reporter with its process only. The results of the tests are in the record.
set -eu
[ -d "$(dirname "$0")/reporters/node_modules" ] ||
	npm --prefix "$(dirname "$0")/reporters" install --silent --no-audit --no-fund --no-package-lock >&2
[ -n "${ALONE-}" ] || ALONE=1 exec "$(dirname "$0")/alone" "$0" "$@"
here=$(cd "$(dirname "$0")" && pwd)
berth=${BERTH:-$here/../../.out/bin/berth}
reporters=$(cd "$(dirname "$berth")/../share/berth/reporters" && pwd)
. "$here/lib.sh"
user=$(id -un)
prepare "$user" reporters
cd "$work/project"
mkdir "$work/home/go-cache"
export GOFLAGS=-mod=mod GOCACHE="$work/home/go-cache" PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$reporters" HOME="$work/home"

passed='passed number false'
# leaks SENTENCE TEST COMMAND...: both of two copies have the leak of this test, and the tests were
# marked in order
leaks() {
	sentence=$1 want=$2
	shift 2
	status=0
	"$berth" run -n 2 --output group --leaks fail --json report.json -- "$@" >"$work/log" 2>&1 || status=$?
	jq -r '.findings[] | select(.kind == "leaked_listener") | [.worker, .port, .test] | @tsv' report.json | sort >"$work/got"
	printf '1\t3166\t%s\n2\t3166\t%s\n' "$want" "$want" >"$work/want"
	[ "$status" != 0 ] && cmp -s "$work/want" "$work/got" && status=0 || status=1
	{ cat "$work/want"; echo got; cat "$work/got"; } >>"$work/log"
	report "$status" "$sentence" "$work/log"
	[ -n "$want" ] || return 0
	marks=$(jq -r '.records[] | select(.type == "mark" and .worker == 1) | .test' report.json |
		grep -oiE 'opens|forgets|closes' | tr '[:upper:]' '[:lower:]' | paste -sd' ')
	status=0; [ "$marks" = 'opens forgets closes' ] || status=1
	echo "$marks" >"$work/marks"
	report "$status" "$sentence: every test is marked, in order" "$work/marks"
	jq -r '.records[] | select(.type == "test" and .worker == 2) |
		"\(.status) \(.duration_ms | type) \(.error // "" | contains("a hole")) \(.test)"' report.json >"$work/results"
	status=0; [ "$(cut -d' ' -f1-3 "$work/results" | paste -sd,)" = "$passed,$passed,$passed,failed number true" ] &&
		tail -1 "$work/results" | grep -qi sinks || status=1
	report "$status" "$sentence: every test has a result, its time, and its error" "$work/results"
}

leaks 'pytest names the test' 'test_harbour.py:10 test_forgets_a_server' pytest -q -p no:cacheprovider -p berth_pytest
leaks 'pytest alone: the process only' '' pytest -q -p no:cacheprovider
leaks 'go test names the test' 'harbour TestForgetsAServer' go run "$reporters/gotest.go" -count=1 ./...
leaks 'Playwright names the test' 'playwright.e2e.mjs:6 forgets a server' \
	npx playwright test playwright.e2e --reporter=list,"$reporters/playwright.mjs" --config=playwright.config.mjs
leaks 'Jest names the test' 'jest.test.js forgets a server' npx jest jest.test.js --reporters=default --reporters="$reporters/jest.mjs"
leaks 'Mocha names the test' 'mocha.cjs forgets a server' npx mocha --exit --require "$reporters/mocha.mjs" mocha.cjs
leaks 'node:test names the test' 'node.mjs:6 forgets a server' node --test --test-reporter=tap --test-reporter-destination=stdout \
	--test-reporter="$reporters/node.mjs" --test-reporter-destination=stderr node.mjs
leaks 'Vitest names the test' 'vitest.spec.mjs forgets a server' \
	npx vitest run --reporter=default --reporter="$reporters/vitest.mjs" vitest.spec.mjs
# side SENTENCE COUNT COMMAND...: of two tests that run at the same time, each leak has its own among
# its COUNT tests
side() {
	sentence=$1 count=$2
	shift 2
	"$berth" run -n 2 --output group --json report.json -- "$@" >"$work/log" 2>&1 || :
	jq -r '.findings[] | select(.kind == "leaked_listener") | (.port | tostring) as $port |
		(.tests // [.test]) as $tests |
		"\(.worker) \($port) \($tests | any(. // "" | contains($port))) \($tests | length)"' report.json |
		sort >"$work/got"
	cat "$work/got" >>"$work/log"
	for worker in 1 2; do printf "$worker %s true $count\n" 3171 3172; done >"$work/want"
	status=0; cmp -s "$work/want" "$work/got" || status=1
	"$berth" leaks >>"$work/log" || :
	[ "$count" = 1 ] || grep -q 'test .* one of: ' "$work/log" || status=1
	report "$status" "$sentence" "$work/log"
}
side 'pytest-xdist: each leak has its test, as each process runs one' 1 pytest -q -n 2 -p no:cacheprovider -p berth_pytest parallel.py
side 'Playwright, two workers: each leak has its test' 1 npx playwright test parallel.e2e --workers=2 \
	--reporter=list,"$reporters/playwright.mjs" --config=playwright.config.mjs
side 'go, t.Parallel: each leak has its test among those that ran' 2 go run "$reporters/gotest.go" -count=1 -tags parallel -run Parallel .
rm -rf "$work"
finish
