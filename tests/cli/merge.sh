#!/bin/sh
# berth merge: one record and its reports from those of all shards, and the proof that they are the whole.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

unset BERTH_BUILD GITHUB_RUN_ID CI_PIPELINE_ID BUILDKITE_BUILD_ID CIRCLE_PIPELINE_ID
tasks=a,b,c,d,e
for shard in 1 2 3; do
	berth run --tree shared --results "art/$shard" --shard $shard/3 --each $tasks -- sh -c '[ {task} != b ]'
done
berth merge art/1 art/2 art/3 --results all --junit r.xml --html r.html --trace r.trace --markdown r.md --json r.json \
	--shard-times times
same 'a whole suite with a failed task has the status of the task' 1 "$status"
of() { xmllint --xpath "$1" r.xml 2>/dev/null; }
same 'JUnit has each task once' '5 1' "$(of 'count(//testcase[@classname="berth.worker"])') $(of 'count(//failure)')"
xmllint --noout --schema "$here/junit.xsd" r.xml >"$work/lint" 2>&1
same 'and is valid' 'r.xml validates' "$(cat "$work/lint")"
has 'HTML has a row of the timeline for each machine' '>shard 3<' "$(cat r.html)"
has 'and names what failed above it' '<b class="bad">s2.w1 (b)</b> exit status 1' "$(cat r.html)"
same 'the trace has a process for each machine' '1 2 3' "$(jq -r '[.traceEvents[] | select(.ph == "X") | .pid] | unique | join(" ")' r.trace)"
has 'Markdown says which machine ran a task' '| s2.w1 | b | failed (1) |' "$(cat r.md)"
same 'the file of times has the tasks that passed' 'a c d e' "$(cut -d' ' -f2 times | paste -sd' ')"
same 'the history has the merged run, once after two merges' '1 5' "$(berth merge art/1 art/2 art/3 --results all
	/usr/bin/python3 -c 'import sqlite3
db = sqlite3.connect("all/history.sqlite").execute
print(db("select count(*) from runs").fetchone()[0], db("select count(distinct task) from measures where measure = \"duration_ms\"").fetchone()[0])')"
berth report --results all
has 'the merged record can be reported later' '4 passed, 1 failed' "$out"
GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$work/summary berth merge art --results all
has 'GitHub gets the summary of all machines' '4 passed, 1 failed' "$(cat "$work/summary")"
mkdir other && mv all other/ && cd other || exit 1
berth run --results all --last-failed --each $tasks -- echo {task}
same 'another machine repeats what failed, by the merged record' 'b' "$out"
cd .. || exit 1

# merged SENTENCE STATUS PART DIR...
merged() {
	sentence=$1 want=$2 part=$3
	shift 3
	berth merge "$@" --results "$work/bad" --junit bad.xml
	same "$sentence: $want" "$want" "$status"
	has 'and why' "$part" "$err"
}
merged 'a missing shard' 123 'shard 3/3: it is missing' art/1 art/2
has 'and its tasks' 'c: it ran nowhere' "$err"
same 'JUnit is red for both' 2 "$(xmllint --xpath 'count(//failure[not(contains(@message, "status 1"))])' bad.xml)"
merged 'a shard that is there twice' 123 'shard 2/3: it is there twice' art/1 art/2 art/3 "$(cp -r art/2 two && echo two)"
cp -r art cut; for record in cut/3/runs/*/events.ndjson; do sed -i '/"run_ended"/d; 2,$ { /"worker_ended"/d }' "$record"; done
merged 'a shard that was killed' 123 'shard 3/3: its record is not complete' cut
has 'and the task that did not end' 'c: it ran nowhere' "$err"
berth run --tree shared --results other3 --shard 3/3 --each a,b,c,d,f -- true
merged 'a shard of another list' 123 'shard 3/3: its tasks or their times are not those of shard 1/3' art/1 art/2 other3
berth run --tree shared --results art/3 --shard 3/3 --each $tasks -- true
merged 'a repeated job in one results directory counts once' 1 '3 shards, 4 passed, 1 failed' art
for shard in 1 2; do BERTH_BUILD=$shard berth run --results old/$shard --shard $shard/2 --each a,b -- true; done
merged 'a record of another build, from a cache' 123 "shard 2/2: it is of build '2', not '1'" old
BERTH_BUILD=2; export BERTH_BUILD
merged 'the build of the merging job counts' 123 "shard 1/2: it is of build '1', not '2'" old
unset BERTH_BUILD
merged 'a directory without a record' 1 "'other/none' has no record" other/none
if command -v unzip >/dev/null && command -v zip >/dev/null; then
	(cd art/2 && zip -qr ../../two.zip .)
	merged 'a ZIP archive' 1 '3 shards, 4 passed' art/1 two.zip art/3
else
	skip 'a ZIP archive' 'zip or unzip is missing'
fi
for shard in 1 2; do berth run --results self/$shard --shard $shard/2 -- echo {shard}; done
merged 'a suite that divides itself' 0 '2 shards, 2 passed, 0 failed' self
merged 'and lacks a machine' 123 'shard 2/2: it is missing' self/1
finish
