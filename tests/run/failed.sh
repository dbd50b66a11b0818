#!/bin/sh
# SPDX-License-Identifier: MIT
# The end of a red run: which tests failed and why, where the files of a worker are, what to do now.
. "$(dirname "$0")/lib.sh"
# suite TEST ERROR: a JUnit file with one test that failed
cat >suite.sh <<'SH'
mkdir -p playwright-report test-results node_modules/x/coverage
echo page >playwright-report/index.html
echo no >node_modules/x/coverage/index.html
printf '<testsuites><testsuite name="s"><testcase name="passes" classname="c"/>
	<testcase name="adds" classname="cart"><failure message="expected 1 to be 2&#10;more">at cart.spec.js:7:3</failure></testcase>
	<testcase name="of %s" classname="cart"><error message="boom"/></testcase></testsuite></testsuites>' "$BERTH_TASK" >test-results/out.xml
SH
echo 'old' >cart.spec.js
mkdir coverage; echo old >coverage/old.xml; touch -d '2001-01-01' coverage/old.xml
for tree in overlay copy; do
	rm -rf "$results/runs"
	"$BERTH" run -n 3 --tree $tree -- sh -c 'echo says $BERTH_WORKER; [ $BERTH_WORKER = 1 ] || { sh suite.sh; exit 1; }' >out 2>err
	grep -q 'cannot be had here' err && { skip "$tree" "$(head -1 err)"; continue; }
	is "berth: failed tests:|  cart.spec.js:7 adds, in w2 w3|      expected 1 to be 2|  cart of 2, in w2|      boom|  cart of 3, in w3|      boom|" \
		"$(sed -n '/failed tests/,/^berth: run/{/^berth: run/!p}' err | tr '\n' '|')" "$tree: failed tests of JUnit files, with place, workers and the first line of the error"
	dir=$(echo "$results"/runs/*/w2/files)
	is "playwright-report/index.html test-results/out.xml" "$(cd "$dir" && echo $(find . -type f | sed s/..// | sort))" "$tree: what the runner wrote is brought home"
	has "$(cat err)" "^berth: w2 wrote reports: $dir \\(playwright-report, test-results\\)" "$tree: and Berth says where"
	[ ! -e "$results"/runs/*/w1/files ]; report $? "$tree: but not of a worker that passed"
	is "hint: npx playwright show-report $dir/playwright-report" "$(tail -1 err)" "$tree: and what shows it"
	lacks "$(cat err)" '^w2 \| says' "$tree: the end of the log is not needed then"
done
"$BERTH" run -n 2 --tree shared -- sh -c 'sh suite.sh; exit 1' >out 2>err
lacks "$(cat err)" 'failed tests|wrote reports' "files in a shared tree belong to no worker"
rm -rf playwright-report test-results node_modules

# a reporter
mark() { printf "printf '%%s 0 \\\\tfailed\\\\t%%s\\\\t%%s\\\\n' \$BERTH_WORKER '%s' '%s' >\"\$BERTH_MARK\"; " "$1" "$2"; }
"$BERTH" run -n 2 --junit r.xml -- sh -c "$(mark 'a.js:3 adds' 'no'; mark 'a.js:3 adds' 'again'; mark 'b (c)' '') sh suite.sh; exit 4" >out 2>err
is "  a.js:3 adds, in w1 w2|      no|  b (c), in w1 w2|" "$(sed -n '/failed tests/,/^berth: run/{/^berth: /!p}' err | tr '\n' '|')" \
	"a reporter names failed tests, once each; JUnit files of its worker do not count"
first=$(ls "$results/runs" -t | head -1)
is 6 "$("$BERTH" report --json - | jq '[.records[] | select(.type == "test" and .status == "failed")] | length')" "all results are in the record"
"$BERTH" run -n 2 -- sh -c "i=0; while [ \$i -lt 13 ]; do i=\$((i + 1)); printf '%s 0 \\tfailed\\ttest %s\\tno\\n' \$BERTH_WORKER \$i >\"\$BERTH_MARK\"; done; exit 1" >out 2>err
is "10 1" "$(grep -c '^  test [0-9]*, in' err) $(grep -c '^  and 3 more: berth report ....$' err)" "at most ten tests, then the number of the others"

is "failed tests: w1 a.js:3 adds" "$(script -qec "'$BERTH' report --results '$results' $first" /dev/null | tr -d '\r' | grep -A1 'failed tests:' | tr '\n' ' ' | tr -s ' ' | sed 's/ $//')" \
	"berth report on a terminal is text"
has "$("$BERTH" report "$first")" '^- w1 `a.js:3 adds`: no$' "in a pipe Markdown, with the failed tests"
"$BERTH" run -n 2 --db toy --db-mode private -- sh -c 'echo "error: relation \"users\" does not exist"; exit 1' >out 2>err
grep -q 'unable to' err && skip "a hint to the setup" "$(grep -m1 'unable to' err)" ||
	has "$(cat err)" '^hint: --setup COMMAND' "a table is missing, and there is no setup: a hint"

# results: of a reporter, of JUnit files, in the history, to which an older Berth has written
sql() { /usr/bin/python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.executescript(sys.argv[2]) if len(sys.argv) > 3 else [print("|".join("-" if v is None else str(v) for v in row)) for row in db.execute(sys.argv[2])]
db.commit()' "$@"; }
rm -f "$results"/history.sqlite*
sql "$results/history.sqlite" "create table runs (run text primary key, started_ms integer, duration_ms integer, project text,
	command text, workers integer, failed integer, exit_status integer, backend text, slots integer);
	create table measures (run text, task text, measure text, value real, primary key (run, task, measure));
	create table findings (run text, worker integer, task text, kind text, severity text, fingerprint text, port integer, detail text);
	create table ports (run text, worker integer, task text, port integer, real_port integer, pid integer, command text, from_ms integer, until_ms integer);
	insert into runs values ('old@1', $(date +%s)000, 5, '/x', 'make', 1, 0, 0, 'preload', 1); pragma user_version = 2;" script
tell() { printf "printf '%%s 0 \\t%%b\\n' \$BERTH_WORKER '%s' >\"\$BERTH_MARK\"; " "$1"; }
"$BERTH" run -n 2 --junit r.xml -- sh -c "$(tell 'passed\ta.js:3 adds\t\t12.5'; tell 'flaky\tb.js takes\tonce\t250'; tell 'passed\ta.js:3 adds'; tell 'skipped\tc d'
	tell 'unheard\te'; tell 'failed\tf\tno\tsoon')" >out 2>err
is "1|w1 a.js|3|adds|passed|0.0125||" "$(sql "$results/history.sqlite" "select worker, 'w' || worker || ' ' || file, line, name, status, seconds, error || '|' from tests limit 1")" \
	"the history has each result, with file, line, name and time"
is "b.js|-|takes|flaky|0.25|once a.js|3|adds|passed|-| |-|c d|skipped|-| |-|f|failed|-|no" \
	"$(sql "$results/history.sqlite" "select file, line, name, status, seconds, error from tests where worker = 2 limit 4 offset 1" | paste -sd' ')" \
	"also without place or time; what is not known is null"
is "10 2" "$(sql "$results/history.sqlite" "select (select count(*) from tests), count(*) from runs" | tr '|' ' ')" "repetitions are results; the older runs are still there"
cat >junit.sh <<'SH'
printf '<testsuite name="s"><testcase name="one" classname="c.D" time="1.5"/><testcase name="two" classname="c.D" time="0"><skipped/></testcase>
	<testcase name="three" classname="c.D"><failure/></testcase></testsuite>' >new.xml
SH
printf '<testsuite name="s"><testcase name="old"/></testsuite>' >old.xml; touch -d 2001-01-01 old.xml
"$BERTH" run -n 2 --tree copy --keep --merge '*.xml' -- sh junit.sh >out 2>err
is "1 passed 1500 c.D one 1 skipped 0 c.D two 2 passed 1500 c.D one 2 skipped 0 c.D two" \
	"$("$BERTH" report --json - | jq -r '.records[] | select(.type == "test") | "\(.worker) \(.status) \(.duration_ms) \(.test)"' | sort | paste -sd' ')" \
	"results of JUnit files that the run wrote, of workers that passed as well"
rm -f ./*.xml junit.sh

# tests that do not agree
cat >suite.sh <<'SH'
tell() { printf '%s 0 \t%s\t%s\t%s\t5\n' "$BERTH_WORKER" "$@" >"$BERTH_MARK"; }
tell passed 'a.js:3 adds'
[ $BERTH_WORKER != 2 ] || { tell failed 'a.js:9 pays twice' 'no'; exit 1; }
tell passed 'a.js:9 pays twice'; tell skipped 'b.js waits'; [ -z "${1-}" ] || tell "$@"
SH
"$BERTH" run -n 3 --flaky -- sh suite.sh >out 2>err
is "119 1" "$? $(grep -c '^berth: 1 test did not agree: a.js:9 pays twice passed 2 of 3$' err)" "--flaky: a test that passed in a part of the copies"
"$BERTH" run --flaky --each 1x,2x,3x -- sh ./suite.sh >out 2>err
is "1 0" "$? $(grep -c 'agree' err)" "tasks with names are no copies"
"$BERTH" run -n 3 --flaky -- sh suite.sh two >out 2>err
for i in 1 2; do "$BERTH" run -n 3 --flaky -- sh suite.sh >out 2>err; done
"$BERTH" flaky >out 2>err
is "1 flaky 6 of 9 35-88 % a.js:9 pays twice|2 tests in 3 runs of 'sh suite.sh': 1 flaky, 1 stable" "$? $(tr -s ' ' <out | paste -sd'|')" \
	"berth flaky counts over copies and runs of the same command"
is '[3,"too few",1,1,"a.js",3,"adds"]' "$("$BERTH" flaky --runs 1 --json | jq -c '.tests[1] | [.passed, .verdict, .rate, .high, .file, .line, .name]')" \
	"and says what it cannot know"
"$BERTH" run -n 3 --flaky -- sh -c '[ $BERTH_WORKER = 2 ] || exec sh suite.sh; exit 4' >out 2>err
is 4 $? "a worker that failed for another reason keeps its status"
"$BERTH" run -n 2 --flaky -- sh -c '[ $BERTH_WORKER = 2 ] || exec sh suite.sh flaky c.js once' >out 2>err
is "119 1" "$? $(grep -c 'c.js passed 0 of 1$' err)" "a test that passed when it was repeated is flaky"
"$BERTH" run -n 2 --flaky -- true >out 2>err
is "125 1" "$? $(grep -c 'no results of tests are known' err)" "without results nothing is known"
rm suite.sh

# many workers
"$BERTH" run --each one,two,three,a-longer-name,five -j 2 -- sh -c '[ $BERTH_TASK = two ] || exit $BERTH_WORKER' >out 2>err
has "$(cat err)" '^berth: 4 workers failed; logs and files of worker N: .*/wN.log, wN/$' "many failed workers: a table"
is "  w1   one N s exit status 1|  w3   three N s exit status 3|  w4   a-longer-name N s exit status 4|  w5   five N s exit status 5|" \
	"$(grep '^  w' err | sed 's/  *[0-9.]* s  / N s /; s/ *$//' | tr '\n' '|')" "with a line for each"
is "hint: the same command with --last-failed runs the other tasks only" "$(tail -1 err)" "and how to repeat what failed"
is "" "$(expand err | grep '^berth: run' | awk 'length > 80')" "the first line has at most 80 columns"
finish
