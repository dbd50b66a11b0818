#!/bin/sh
# SPDX-License-Identifier: MIT
# One suite on several machines: where tasks come from, and that the parts are the whole.
. "$(dirname "$0")/lib.sh"
unset BERTH_SHARD BERTH_SHARDS CI_NODE_INDEX CI_NODE_TOTAL BUILDKITE_PARALLEL_JOB CIRCLE_NODE_INDEX
unset JOB_COMPLETION_INDEX

# part I/N [OPTION]...: run a part; its tasks are lines of the file `ran`
part() {
	shard=$1
	shift
	"$BERTH" run --tree shared --shard "$shard" "$@" -- sh -c 'echo "$1" >>ran' sh '{task} {shard}/{shards}' >out 2>err
}
ran() { LC_ALL=C sort ran 2>/dev/null | tr '\n' ';'; rm -f ran; }

mkdir -p e2e/a/b e2e/.hidden e2e/node_modules/m
touch e2e/1.spec e2e/a/2.spec e2e/a/b/3.spec e2e/.hidden/4.spec e2e/node_modules/m/5.spec e2e/a/b/no
ln -s .. e2e/a/b/loop
part 1/1 --each-file 'e2e/**/*.spec'; is 0 $? "files are tasks"
is 'e2e/1.spec 1/1;e2e/a/2.spec 1/1;e2e/a/b/3.spec 1/1;' "$(ran)" \
	"** finds each file once, not hidden ones and not those of packages"
part 1/1 --each-file 'e2e/a/**' --each-file 'e2e/**/b/*'; is 0 $? "two patterns"
is 'e2e/a/2.spec 1/1;e2e/a/b/3.spec 1/1;e2e/a/b/no 1/1;' "$(ran)" "are one list"
part 1/1 --each-file '*.none'; is 125 $? "a pattern without files: 125"
has "$(cat err)" "^berth: --each-file '\*.none' matches no file" "and why"
part 1/1 --each-command 'printf "two words\nc\n"; echo to me >&2'; is 0 $? "lines of a command are tasks"
is 'c 1/1;two words 1/1;' "$(ran)" "with their blanks"
has "$(cat err)" '^to me' "and its errors are shown"
for command in 'echo a; exit 3' 'true' 'kill -9 $$'; do
	part 1/1 --each-command "$command"; is 125 $? "a list command that fails or prints nothing: 125 ($command)"
done
[ ! -e ran ]; report $? "and nothing runs"
printf 'each: [x, y]\n' >berth.yaml
part 1/1 --each-command 'echo z'; is 'z 1/1;' "$(ran)" "a source on the command line replaces that of berth.yaml"
rm berth.yaml

tasks=a,b,c,d,e,f,g
for shard in 1/3 2/3 3/3; do part $shard --each $tasks || echo failed >>ran; done
is '7' "$(cut -d' ' -f1 ran | sort -u | grep -c '^[a-g]$')" "three parts are the whole"
is '7' "$(wc -l <ran)" "and nothing runs twice"
rm ran
part 9/9 --each $tasks --junit none.xml; is 0 $? "a part without tasks is no failure"
[ ! -e ran ] && grep -q 'tests="0"' none.xml; report $? "and has its reports"
has "$(cat err)" '^berth: shard 9 of 9: 0 of 7 tasks' "and Berth prints it"
printf '8000 g\n1000 a\n1000 b\n1000 c\n1000 d\n2000 e\n' >times
part 1/2 --each $tasks --shard-times times; is 'g 1/2;' "$(ran)" "the longest task has a part of its own"
part 1/2 --each g,f,e,d,c,b,a --shard-times times; is 'g 1/2;' "$(ran)" "whatever the order of the list, also when the job is repeated"
echo 'a 5' >times; part 1/2 --each $tasks --shard-times times; is 125 $? "a malformed line of times: 125"
part 1/2 --each $tasks --shard-times missing; is 125 $? "no file of times: 125"

CI_NODE_INDEX=2 CI_NODE_TOTAL=3 part auto --each $tasks; has "$(ran)" '^b 2/3;' "auto finds the part"
CI_NODE_INDEX=2 CI_NODE_TOTAL=3 part 1/3 --each $tasks; has "$(ran)" '^a 1/3;' "an explicit part wins"
CI_NODE_INDEX=4 CI_NODE_TOTAL=3 part auto --each $tasks; is 125 $? "a part that cannot be: 125"
has "$(cat err)" "^berth: CI_NODE_INDEX is '4' and CI_NODE_TOTAL is '3'" "and which variables say so"
part auto --each $tasks; is 125 $? "nothing to detect: 125"
has "$(cat err)" '^hint: export BERTH_SHARD=' "and how to tell"
part 2/3; is 'default 2/3;' "$(ran)" "a suite without tasks divides itself"
part 1/2 --each a,b,a; is 125 $? "a name that is twice in the list is refused on every machine"
finish
