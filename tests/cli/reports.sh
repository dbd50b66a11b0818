#!/bin/sh
# The reports of `berth run`, each held against what its readers demand; CI systems; a results directory that is full.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

cat >suite.py <<'E2'
import os, subprocess, sys
assert os.environ["BERTH_WORKER"] != "3"
subprocess.run(["pytest", "-q", "-p", "no:cacheprovider", "--junitxml=own.xml", "test_a.py"], stdout=sys.stderr)
with open("broken.xml", "w") as file:
    file.write("<testsuite name='half' tests='1' failures='0' errors='0'><testcase name='one' classname='c' time='0'/>")
for port in range(3300, 3300 + int(os.environ.get("LEAKS", "1"))):
    code = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); print('up', flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    child.stdout.readline()
    child.stdout = None
E2
cat >test_a.py <<'E2'
def test_passes():
    pass
def test_fails():
    assert "<&>" == "\x1b[31m"
E2
berth run -n 3 --json r.json --junit r.xml --merge 'own*.xml' --merge broken.xml --html r.html --trace r.trace --markdown r.md \
	--gitlab r.gitlab -- python3 suite.py
same 'a worker that fails gives its status' 1 "$status"
xmllint --noout --schema "$here/junit.xsd" r.xml >"$work/lint" 2>&1
same 'JUnit is valid' 'r.xml validates' "$(cat "$work/lint")"
of() { xmllint --xpath "$1" r.xml 2>/dev/null; }
same 'its counts are those of its cases' "$(of 'count(//testcase)') $(of 'count(//testcase/failure)') $(of 'count(//testcase/error)')" \
	"$(of 'string(/*/@tests)') $(of 'string(/*/@failures)') $(of 'string(/*/@errors)')"
same "each worker's own tests are merged" '2 2' \
	"$(of 'count(//testcase[@name="test_fails"]/failure)') $(of 'count(//testcase[@name="test_passes"])')"
same 'suites of one name stay apart' 'pytest [w1] pytest [w2]' \
	"$(of '//testsuite[starts-with(@name, "pytest")]/@name' | sed 's/ *name="\([^"]*\)"/\1/' | sort | paste -sd' ')"
same 'a broken file is an error, and its cases stay' '2 2' \
	"$(of 'count(//testcase[@classname="berth.merge"]/error)') $(of 'count(//testcase[@name="one"])')"

same 'the trace has what Perfetto demands of every event' '' \
	"$(jq -c '.traceEvents[] | select((.ph | type) != "string" or (.pid | type) != "number" or (.ph != "M" and (.ts | type) != "number")
		or (.ph == "X" and ((.dur | type) != "number" or .dur < 0)) or (.ph != "M" and .ph != "C" and (.tid | type) != "number"))' r.trace)"
same 'and every worker' 3 "$(jq '[.traceEvents[] | select(.cat == "worker" and .ph == "X")] | length' r.trace)"
same 'GitLab issues have all that is demanded, with fingerprints of their own' 'true true' \
	"$(jq -r '[all(.[]; .description and .check_name and .fingerprint and .severity and .location.path and .location.lines.begin),
		(map(.fingerprint) | length == (unique | length)) and length > 0] | join(" ")' r.gitlab)"
same 'a finding of two workers is one issue, in a file of the suite' 'suite.py true' \
	"$(jq -r '[(map(.location.path) | unique | join(",")), any(.[]; .description | startswith("w1, w2: "))] | join(" ")' r.gitlab)"
has 'Markdown has the workers and the finding' '| w3 | 3 | failed (1) |' "$(cat r.md)"
has 'and what to do' 'stop the server in the suite' "$(cat r.md)"
lacks 'HTML loads nothing' 'http' "$(grep -oE '(src|href|url\()[^ >]*' r.html)"
has 'HTML has the end of the log of a failed worker' '<pre>Traceback (most recent call last):' "$(cat r.html)"
cat >red.sh <<'E2'
echo '<testsuite name="s"><testcase name="pays" classname="c"><failure message="2 is not 1"/></testcase></testsuite>' >own.xml
echo hello; exit 4
E2
berth run --results 'a place' --html 'a place/r.html' --merge own.xml -n 2 -- sh red.sh
has 'HTML begins with the verdict' '>2 of 2 workers failed, 1 test failed<' "$(cat 'a place/r.html')"
has 'and each failed test once, with its workers' \
	'pays</code> <span class="dim">w1, w2</span><pre class="bad">2 is not 1</pre>' "$(cat 'a place/r.html')"
log=$(sed -n 's/.*<a href="\([^"]*w1.log\)">log.*/\1/p' 'a place/r.html')
same 'the links of HTML are relative to it' 'runs/ hello' "${log%%/*}/ $(cat "a place/$log")"
mv 'a place' moved
berth report --results moved --html moved/r.html
has 'and those of results that were moved are theirs' 'hello' "$(sed -n '/did not pass/,/<h2>Find/p' moved/r.html)"
rm -r moved
record=$(ls -td $results/runs/*/ | head -n 1)events.ndjson
has 'HTML says what was lost: nothing' 'Events lost: 0. Calls of the monitor missed: 0.' "$(cat r.html)"
sed -i 's/"missed": *0/"missed": 7/; s/"lost_sockets": *0/"lost_sockets": 2/' "$record"
berth report --html lossy.html
has 'and what was' 'not followed to their end: 6. Events lost: 0. Calls of the monitor missed: 7.' "$(cat lossy.html)"
berth run --tree copy --junit r2.xml --merge 'no-such/*.xml' --collect 'nor/this*' --collect '*.log' -- sh -c 'echo >a.log'
same 'a pattern of --merge or --collect that matches nothing is named' "0 berth: --collect 'nor/this*' matches no file of a worker
berth: --merge 'no-such/*.xml' matches no file" "$status $err"
berth report --junit - --merge 'no-such/*.xml'
same 'also by berth report' "0 berth: --merge 'no-such/*.xml' matches no file" "$status $err"
same 'JSON is one document' 3 "$(jq '.workers | length' r.json)"

berth run -n 2 --tree shared --timeout 0.3 --junit r.xml -- sh -c 'trap "exit 0" TERM; sleep 60 & wait'
same 'who timed out has failed in the reports as well, whatever the command made of SIGTERM' '124 2' \
	"$status $(of 'count(//testcase/failure)')"
printf 'databases: [{kind: command, port: 7000, start: exit 3, ready: "false"}]\n' >berth.yaml
berth run --each a,b --tree shared --junit r.xml -- true
rm berth.yaml
same 'who never began has failed there, too' '125 2 w1 (a)' "$status $(of 'count(//testcase/failure)') $(of 'string(//testcase/@name)')"
has 'with the reason' 'unable to provide the database' "$(of 'string(//failure)')"

LEAKS=15 GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$PWD/summary.md
export LEAKS GITHUB_ACTIONS GITHUB_STEP_SUMMARY
berth run -n 2 --output quiet -- python3 suite.py
same 'GitHub gets ten errors at most, of several workers one' 10 "$(printf '%s\n' "$out" | grep -c '^::error ')"
lacks 'and no file that is not in the project' 'file=../' "$out"
has 'with the number of the others' 'more are in the step summary' "$out"
same 'the step summary has them all' 30 "$(grep -c '`leaked_listener`' summary.md)"
unset LEAKS GITHUB_ACTIONS GITHUB_STEP_SUMMARY

berth run -n 2 --json small.json -- true
same 'the memory of Berth before execve(2) is not that of the suite' '[true,true]' \
	"$(jq -c '[.records[] | select(.type == "counts") | .memory_peak_kib | . < 8192]' small.json)"
mkfifo pipe
echo old >target.md
ln -s target.md link.md
timeout 20 cat pipe >piped &
berth run --json pipe --markdown link.md -- true
wait $!
same 'a report goes through a pipe, which stays one' 'true 1' "$([ -p pipe ] && echo true) $(jq '.workers | length' piped)"
same 'what a link names is replaced, not the link' 'target.md ### Berth' "$(readlink link.md) $(head -c 9 target.md)"

# copies of the tree are not kept, only what is collected; a project may be called like a pattern
mkdir 'p[1]' && cd 'p[1]'
berth run -n 2 --tree copy --collect own.xml --merge own.xml --junit r.xml -- \
	sh -c 'echo "<testsuite name=\"s\"><testcase name=\"of$BERTH_WORKER\" classname=\"c\"/></testsuite>" >own.xml'
same 'what was collected is merged' '1 1' "$(of 'count(//testcase[@name="of1"])') $(of 'count(//testcase[@name="of2"])')"
cd ..

mkdir -p elsewhere/deep && cd elsewhere
printf 'results: out\nprofiles: {night: {results: night}}\n' >berth.yaml
berth run -n 2 --tree shared -- true
cd deep
berth leaks
has 'results are looked for where berth.yaml puts them' "run $(ls ../out/runs): no leaks and no conflicts" "$out"
export BERTH_PROFILE=night
berth run -n 2 --tree shared -- true
berth leaks
has 'and where its profile does' "run $(ls ../night/runs): no leaks and no conflicts" "$out"
unset BERTH_PROFILE
berth run --config ../berth.yaml --each a,b --tree shared -- true
berth run --config ../berth.yaml --each a,b --tree shared --last-failed -- true
has 'also by --last-failed' 'all 2 tasks passed the last time' "$err"
printf 'workers: 2\n' >other.yaml && cd ..
berth run --config deep/other.yaml --each a,b --tree shared -- true
berth run --config deep/other.yaml --each a,b --tree shared --last-failed -- true
has 'which asks the project of --config' 'all 2 tasks passed the last time' "$err"
cd ..

# full: the results lie in a file system of 64 KiB
cat >full.sh <<'E2'
mount -t tmpfs -o size=64k tmpfs "$1" && head -c 60000 /dev/zero >"$1/filler" && shift && exec "$@"
E2
mkdir full
full() {
	namespace='-m'
	[ "$(id -u)" = 0 ] || namespace='-rm'
	status=0
	# shellcheck disable=SC2086
	unshare $namespace sh full.sh full "$BERTH" run -n 2 --results full/results -- sh -c "$1" >"$work/out" 2>"$work/err" </dev/null ||
		status=$?
	err=$(cat "$work/err")
}
full 'head -c 40000 /dev/zero | tr "\0" x'
same 'full results: a green suite exits with 125' 125 "$status"
has 'and Berth says why' "are not complete: No space left on device" "$err"
has 'and what to do' 'hint: free some space there, or choose another place with --results DIR' "$err"
full 'head -c 40000 /dev/zero | tr "\0" x; exit 3'
same "full results: a red suite's own status stands" 3 "$status"
mkdir patterns && cd patterns || exit 1
berth run -n 2 --junit r2.xml --merge 'no-such/*.xml' --collect 'nor/this*' --collect '*.log' -- sh -c 'echo >a.log'
same 'a pattern of --merge or --collect that matches nothing is named' "0 berth: --collect 'nor/this*' matches no file of a worker
berth: --merge 'no-such/*.xml' matches no file" "$status $(printf '%s\n' "$err" | grep matches)"
berth report --junit - --merge 'no-such/*.xml'
same 'also by berth report' "0 berth: --merge 'no-such/*.xml' matches no file" "$status $err"
finish
