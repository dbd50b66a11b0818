#!/bin/sh
# A watched run from end to end: gates, marks, reports, history. Needs what the sampling source needs: nothing.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

cat >suite.py <<'E'
import os, socket, subprocess, sys, time
if "serve" in sys.argv:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 3166))
    server.listen()
    print("up", flush=True)
    time.sleep(60)
subprocess.run([os.environ["BERTH"], "mark", os.environ.get("TEST", "pays by card")])
child = subprocess.Popen([sys.executable, "suite.py", "serve"], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
if "clean" in sys.argv:
    child.kill()
    child.wait()
E
export BERTH

berth run -n 2 --leaks fail -- python3 suite.py clean
same 'a clean suite passes the gate' 0 "$status"
berth leaks
same 'and has no leak' 0 "$status"

berth run -n 2 --leaks fail --html r.html --junit r.xml --json r.json --trace r.trace -- python3 suite.py
same 'a leak fails the run' 121 "$status"
has 'and is named at the end' 'w1 w2: listener left open: listener on port 3166' "$err"
berth leaks --json
same 'leaks: exit status 1' 1 "$status"
leaks=$(printf '%s' "$out" | jq -c '[.[] | select(.kind == "leaked_listener") | [.worker, .port, .test]] | sort')
same 'each worker has its own, with the port and the test as the suite calls them' \
	'[[1,3166,"pays by card"],[2,3166,"pays by card"]]' "$leaks"
same 'the same problem has one fingerprint' 1 \
	"$(printf '%s' "$out" | jq '[.[] | select(.kind == "leaked_listener") | .fingerprint] | unique | length')"
has 'the command is there' 'suite.py serve' "$out"
same 'JUnit has a failing case for each worker' 2 "$(grep -c '<failure message="listener on port 3166' r.xml)"
same 'JSON says the same' 2 "$(jq '[.findings[] | select(.kind == "leaked_listener")] | length' r.json)"
same 'the trace has the workers' 2 "$(jq '[.traceEvents[] | select(.cat == "worker")] | length' r.trace)"
has 'HTML names the port' 'listener on port 3166' "$(cat r.html)"

printf '%s' "$out" | jq -r '.[] | .fingerprint + " " + .title + ": " + .detail' >berth.baseline
berth run -n 2 --leaks fail -- python3 suite.py
lacks 'what is in the baseline is not told again' 'listener left open' "$err"
same 'and does not fail the run' 0 "$status"
rm berth.baseline
TEST=$(printf 'pays\033]0;x\007')
export TEST
berth run -n 2 -- python3 suite.py
unset TEST
berth leaks
has 'what a terminal would obey is not shown' 'pays?]0;x?' "$out"
for verb in leaks report; do
	berth $verb none
	same "$verb: a run that is not there" '1 berth: unable to read the record of run' "$status ${err%% \'*}"
done

allowed() { # allowed SENTENCE STATUS YAML...: what an allow list in berth.yaml lets pass
	sentence=$1 want=$2
	shift 2
	printf '%s\n' 'allow:' "$@" >berth.yaml
	berth run -n 2 --leaks fail -- python3 suite.py
	same "$sentence" "$want" "$status"
	rm berth.yaml
}
allowed 'an allow list by port lets it pass' 0 '  - port: 3160-3170'
allowed 'by port and program' 0 '  - port: 3166' '    program: python3*'
allowed 'another port does not' 121 '  - port: 3167'
allowed 'nor does the port with another program' 121 '  - port: 3166' '    program: node*'
allowed 'one of several rules is enough' 0 '  - port: 1' '  - program: "python3 suite.py"'
sed 's/"suite.py"/"su,ite.py"/' suite.py >'su,ite.py'
printf 'allow: [{program: "python3 su,ite.py"}]\n' >berth.yaml
berth run -n 2 --leaks fail -- python3 'su,ite.py'
same 'a comma in the name of a program is part of the name' 0 "$status"
rm berth.yaml

GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$PWD/summary.md
export GITHUB_ACTIONS GITHUB_STEP_SUMMARY
berth run -n 2 --output quiet -- python3 suite.py
has 'GitHub gets annotations' '::error title=listener left open' "$out"
has 'and a step summary' '`leaked_listener` w1' "$(cat summary.md)"
unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY

berth who 3166
has 'who tells former owners' 'before: python3' "$out"
has 'with the time at which the port was opened' ', since 20' "$out"
berth report --markdown -
has 'a report can be made later' '### Berth: 2 passed' "$out"
berth trends --json
same 'trends have every task' '["1","2"]' "$(printf '%s' "$out" | jq -c '[.[] | select(.measure == "duration_ms") | .task] | unique')"

# what a worker uses, over time
cat >uses.py <<'E'
import os, time
time.sleep(0.5)
kept, files = b"x" * (64 << 20), [os.open("/dev/null", os.O_RDONLY) for turn in range(50)]
time.sleep(0.7)
E
berth run -n 2 --html uses.html -- python3 uses.py
uses() { # uses FIELD WORKER: how much it varied
	jq -s --argjson worker "$2" "[.[] | select(.type == \"sample\" and .worker == \$worker).$1] | (max - min)" \
		"$(ls -td $results/runs/*/ | head -n 1)events.ndjson"
}
for worker in 1 2; do
	grown=$(uses memory_kib $worker) more=$(uses descriptors $worker)
	[ "$grown" -ge 65536 ] && [ "$grown" -lt 131072 ] && [ "$more" -ge 50 ]
	report $? "samples show worker $worker's memory and descriptors"
done
has 'and HTML has a plot of memory' 'aria-label="memory, MiB over time"' "$(cat uses.html)"

# a test whose end was not marked ends with its worker, not with the run
berth run -n 2 --trace bars.trace -- sh -c '"$BERTH" mark "a test"; [ "$BERTH_WORKER" = 1 ] || exec sleep 1'
same 'no test in the trace is longer than its worker' '[true,true]' "$(jq -c '
	[.traceEvents[] | select(.ph == "X")] as $all
	| [$all[] | select(.name == "a test") | . as $test
		| $all[] | select(.cat == "worker" and .tid == $test.tid)
		| $test.ts + $test.dur <= .ts + .dur]' bars.trace)"

# trends: three quick runs are the baseline, a slow one raises the alarm
mkdir slower && cd slower && git init -q . 2>/dev/null
for pause in 0 0 0 2; do
	berth trends
	before=$status
	PAUSE=$pause berth run --each web,api -- sh -c '[ {task} = web ] || exec sleep "$PAUSE"'
done
berth trends
same 'a task that has become slower is an alarm' 1 "$status"
has 'with its numbers' "api   duration     2." "$out"
same 'and nothing else is worse' 'api duration' "$(printf '%s\n' "$out" | awk '/worse$/ { print $1, $2 }')"
same 'before it there was none' 0 "$before"
berth trends --json
same 'JSON says the same' '["api","duration_ms",3]' "$(printf '%s' "$out" | jq -c '.[] | select(.regression) | [.task, .measure, .runs]')"
DATABASE_URL=postgresql://me:secret@localhost:5432/shop berth run --each web,api --db shop --db-mode private --setup "true # $$" -- true
berth trends --json
same 'databases and their migration have trends, too' '["","migration_ms"] ["api","database_ready_ms"] ["web","database_ready_ms"]' \
	"$(printf '%s' "$out" | jq -c '.[] | select(.measure | test("database|migration")) | [.task, .measure]' | sort | paste -sd' ')"
PAUSE=3 berth run --each web,api -- sh -c '[ {task} = web ] || exec sleep "$PAUSE" #'
berth trends
same 'another command has no earlier runs' '0 0' "$status $(printf '%s\n' "$out" | awk '$2 == "duration" { print $NF }' | sort -u)"
for slots in 2 1; do PAUSE=1 berth run -j $slots --each web,api -- sh -c '[ {task} = web ] || exec sleep "$PAUSE"'; done
berth trends --json
same 'nor have fewer workers at once' 0 "$(printf '%s' "$out" | jq '[.[] | select(.measure == "duration_ms" and .runs > 0)] | length')"
PAUSE=3 berth run --each web,api -- sh -c '[ {task} = web ] || exec sleep "$PAUSE"'
berth trends
before=$status
berth run --each other -- true
berth trends
same 'an alarm is about the last run, not about one before it' '1 0 other' \
	"$before $status $(printf '%s\n' "$out" | awk '$2 == "duration" { print $1 }')"
lacks 'and no password is in the record' secret "$(cat $results/runs/*/events.ndjson)"

# Without privilege nobody counts EPIPE: a zero would be a wrong answer, and the alarm could not fire.
plain=$(mktemp -d)
trap 'cd /; rm -rf "$work" "$plain"' EXIT
as=''
[ "$(id -u)" != 0 ] || { as='setpriv --reuid nobody --regid nogroup --clear-groups'; chown nobody "$plain"; }
printf 'alarm: [{error: EPIPE}]\nallow: [{stack: hold}]\n' >"$plain/berth.yaml"
# shellcheck disable=SC2086 # a list of words
said=$(cd "$plain" && env HOME="$plain" XDG_RUNTIME_DIR="$plain" $as \
	"$BERTH" run -n 2 --json r.json --html r.html --results results -- true 2>&1)
single=$(cd "$plain" && "$BERTH" run --leaks off -- true 2>&1)
[ "$(id -u)" != 0 ] || lacks 'a rule about stacks makes one command be watched exactly' 'not active' "$single"
if grep -q '"exact":false' "$plain"/results/runs/*/events.ndjson; then
	same 'what was not measured is null' '[null,null]' "$(jq -c '[.workers[].counts.epipe]' "$plain/r.json")"
	has 'and a dash in HTML' '<td class="n dim">-' "$(cat "$plain/r.html")"
	has 'an alarm that cannot fire is named at the start' 'alarms are not active' "$said"
	has 'a rule about stacks, too' 'rules with stack: are not active' "$said"
else
	skip 'what was not measured is null' 'everything can be measured here'
fi
finish
