#!/bin/sh
# SPDX-License-Identifier: MIT
# What is shown of several workers: prefixes, groups, quiet, colours, partial and long lines, bytes,
# logs.
. "$(dirname "$0")/lib.sh"
log() { cat $results/runs/*/"$1".log; }
again() { rm -rf $results/runs; }

"$BERTH" run -n 2 -- sh -c 'echo out $BERTH_WORKER; echo err $BERTH_WORKER >&2; printf partial' >out 2>err
is "w1 | out 1|w1 | partial|w2 | out 2|w2 | partial|" "$(sort out | tr '\n' '|')" "stdout by line, the partial last line too"
has "$(cat err)" '^w2 \| err 2$' "stderr stays on stderr"
is "err 1|out 1|partial|" "$(log w1 | sed 's/^partial/&\n/;s/\(partial\)\(err\)/\1\n\2/' | grep . | sort | tr '\n' '|')" "the log has both, without prefixes"
again
"$BERTH" run --each auth,billing-long -j 2 -- sh -c 'echo $BERTH_TASK' >out 2>err
is "auth         | auth|billing-long | billing-long|" "$(sort out | tr '\n' '|')" "tasks with names are prefixed by them, aligned"
again
"$BERTH" run -n 2 --output group -- sh -c 'for i in 1 2 3; do echo $BERTH_WORKER.$i; sleep 0.05; done' >out 2>err
is "1.1 1.2 1.3 2.1 2.2 2.3 " "$(grep -v '^---' out | sort -s -k1.1,1.1 | tr '\n' ' ')" "group: all lines"
is 1 "$(grep -v '^---' out | cut -c1 | uniq | tr -d '\n' | wc -c | awk '{print ($1 == 2)}')" "group: one worker after the other"
has "$(cat out)" '^--- w1 passed after [0-9.]+ s$' "group: a heading each"
GITHUB_ACTIONS=true "$BERTH" run -n 2 --output group --color always -- echo hello >out 2>err
is "::group::w passed in s|hello|::endgroup::|::group::w passed in s|hello|::endgroup::|" \
	"$(sed -E 's/w[12] passed after [0-9.]+ s$/w passed in s/' out | grep -v '^::notice' |
		tr '\n' '|')" "group: folded on GitHub"
again
"$BERTH" run -n 2 --output quiet -- sh -c 'echo says $BERTH_WORKER; exit $((BERTH_WORKER - 1))' >out 2>err
is 1 $? "quiet: the status is what it is"
has "$(cat out)" '^says 2$' "quiet: a worker that failed is shown"
lacks "$(cat out)" 'says 1' "quiet: one that passed is not"
has "$(log w1)" 'says 1' "quiet: but its log is there"
again
"$BERTH" run -n 2 -- sh -c 'head -c 300000 /dev/zero | tr "\0" x; echo; echo end' >out 2>err
is 600000 "$(tr -dc x <out | wc -c)" "a line of 300 000 bytes is shown whole, in pieces"
is 2 "$(grep -c '^w[12] | end$' out)" "and the next line is a line of its own"
again
"$BERTH" run -n 2 -- sh -c 'printf "\377\000\001 %s\n" $BERTH_WORKER' >out 2>err
is "$(printf 'w1 | \377\000\001 1\nw2 | \377\000\001 2\n' | cksum)" "$(LC_ALL=C sort out | cksum)" "bytes that are no text pass through"
again
"$BERTH" run -n 2 -- sh -c 'printf "10%%\r50%%\r100%%\n"' >out 2>err
is "w1 | 100%w2 | 100%" "$(sort out | tr -d '\n')" "what a carriage return overwrote is not shown"
again
"$BERTH" run -n 2 -- sh -c 'echo c=$FORCE_COLOR' >out 2>err
is "w1 | c=w2 | c=" "$(sort out | tr -d '\n')" "no colour in a pipe, and the suite is not told to use any"
FORCE_COLOR=1 "$BERTH" run -n 2 -- echo x >out 2>err
has "$(cat out)" "$(printf '^\033\\[36mw1 \\|\033\\[0m x')" "FORCE_COLOR colours the prefix"
"$BERTH" run -n 2 --color always -- sh -c 'echo c=$FORCE_COLOR' >out 2>err
has "$(cat out)" 'c=1$' "--color always tells the suite"
NO_COLOR=1 "$BERTH" run -n 2 -- echo x >out 2>err
lacks "$(cat out)" "$(printf '\033')" "NO_COLOR is obeyed"

printf 'a\nb\n' | "$BERTH" run -- sed s/^/got-/ >out 2>err
is "got-a got-b " "$(tr '\n' ' ' <out)" "one worker: stdin, stdout and stderr are ours, untouched"
[ ! -e $results/runs/w1.log ]; report $? "one worker: no log, its output is where it always was"
echo input | "$BERTH" run -n 2 -- sh -c 'cat; echo done' >out 2>err
is "w1 | done|w2 | done|" "$(sort out | tr '\n' '|')" "several workers: stdin is empty"
"$BERTH" run -n 2 -- sh -c 'yes | head -c 3000000' 2>err | head -1 >out
has "$(cat out)" '^w[12] \| y$' "a reader that goes away does not hang the run"
for mode in prefix group quiet; do
	"$BERTH" run -n 2 --output $mode -- sh -c 'echo hello; [ $0 != quiet ] || exit 9' $mode >/dev/full 2>err
	is "$([ $mode = quiet ] && echo 9 || echo 125) 1" "$? $(grep -c '^berth: unable to write to stdout: No space left on device' err)" \
		"$mode: stdout that takes nothing fails a run, and Berth says so once"
done
"$BERTH" run -n 2 -- sh -c 'echo hello >&2' >out 2>/dev/full
is 125 $? "stderr that takes nothing does, too"
again
"$BERTH" run -n 2 --tree shared --output group -- sh -c 'echo hello; rm -f $results/runs/*/w$BERTH_WORKER.log' >out 2>err
is 125 $? "group: so does a log that is gone before it is shown"
has "$(cat err)" 'are not complete: No such file' "and Berth says why"
for mode in prefix group; do
	"$BERTH" run -n 3 --output $mode -- sh -c 'yes slowly | head -c 210000' 2>err | (sleep 1; cat) >out
	is 90000 "$(grep -c 'slowly$' out)" "$mode: a slow reader gets every line"
done
again
python3 - "$BERTH" <<'PY' >out
import os, signal, subprocess, sys, time
read, write = os.pipe()  # which is never read
run = subprocess.Popen([sys.argv[1], "run", "-n", "2", "--", "yes"], stdout=write, stderr=subprocess.DEVNULL)
while sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(os.environ["results"]) for name in names) < 100000:
    time.sleep(0.05)
run.send_signal(signal.SIGTERM)
print(run.wait(15))
PY
is 143 "$(cat out)" "a signal ends a run whose output is not read"
again
cat >"$top/paused.py" <<'PY'
import os, subprocess, sys
read, write = os.pipe()
run = subprocess.Popen([sys.argv[1], "run", "-n", "2", "--timeout", "2", "--grace", "1", "--", "sh", "-c",
                        "[ $BERTH_WORKER = 1 ] && exec yes; exec sleep 0.1"], stdout=write, stderr=write)
os.close(write)
print(run.wait(60))
with open(read, "rb") as said:
    lines = said.read().split(b"\n")
print(lines.count(b"w1 | y") > 1000, any(b"timed out" in line for line in lines), lines[-2].count(b"1 passed, 1 failed"))
PY
is "124 True True 1" "$(python3 "$top/paused.py" "$BERTH" | tr '\n' ' ' | sed 's/ $//')" \
	"a reader that has paused delays no timeout and no end, and loses no line of workers and of Berth"
again
timeout 20 "$BERTH" run -n 2 -- echo x 2>err <&- >&-
is 0 $? "a closed stdin and stdout do not hang the run"
has "$(log w1)" '^x$' "and what would have been shown is in the log"
again
timeout 20 "$BERTH" run -- sh -c '[ -e /proc/self/fd/0 ] && [ -e /proc/self/fd/1 ]' <&- >&-
is 0 $? "one worker that is given neither has /dev/null there"
sh -c '"$0" run -n 2 -- sh -c "for i in 1 2 3 4 5 6 7 8 9; do echo \$BERTH_WORKER \$i; done"' "$BERTH" >out 2>/dev/null
is "$(for i in 1 2 3 4 5 6 7 8 9; do echo "w1 | 1 $i"; done)" "$(grep '^w1' out)" "the order of a worker's lines is kept"
latin=$(printf 'proj\351')
mkdir "$latin"
(cd "$latin" && "$BERTH" run --each "caf$(printf '\351'),tea" --results "$PWD/results" -- true) >out 2>err
is 0 $? "a project and a task whose names are not UTF-8"
has "$("$BERTH" report --results "$latin/results" 2>&1)" '\| caf\? \| passed \|' "the record has such a byte as a question mark"
"$BERTH" run -- bash -c '(exec -a "$(printf "\033[31mred")" sleep 30) & sleep 0.1' >out 2>err
has "$(cat err)" 'left 1 process:  \[31mred 30' "a process that is left is named, without what a terminal would obey"
finish
