#!/bin/sh
# SPDX-License-Identifier: MIT
# Exit statuses of a run: the command's own, the largest, signals, timeouts, exec failures, gates.
. "$(dirname "$0")/lib.sh"

"$BERTH" run -- sh -c 'exit 0' 2>err; is 0 $? "one worker: success"
is "" "$(cat err)" "one worker that passes: Berth says nothing"
"$BERTH" run -- sh -c 'exit 37' 2>err; is 37 $? "one worker: the command's own status"
is "" "$(cat err)" "one worker that fails: Berth says nothing either"
"$BERTH" run -- sh -c 'kill -KILL $$' 2>err; is 137 $? "one worker: 128 + signal"
"$BERTH" run -n 3 -- sh -c 'exit $((BERTH_WORKER * 2 % 5))' >out 2>err; is 4 $? "three workers: the largest status"
has "$(cat err)" 'w2 failed: exit status 4' "a failed worker is named with its status"
has "$(cat err)" '1 passed|0 passed, 3 failed' "the summary counts"
"$BERTH" run -n 2 --tree overlay -- sh -c '[ $BERTH_WORKER = 1 ] || { : >made; seq 40; echo why >&2; exit 5; }' >out 2>err
is "19 why 0" "$(grep -c "^w2 | [0-9]*$" err) $(sed -n '/failed: exit/,$s/^w2 | \(w.*\)/\1/p' err) $(grep -c '^w1 | .' err)" "the last 20 lines of a failed worker"
is made "$(ls "$(sed -n 's/^berth: w2 wrote 1 file: //p' err)")" "and the place of its files"
"$BERTH" run -n 2 --output quiet -- sh -c 'echo line; exit 5' >out 2>err
is 0 "$(grep -c '^w. | ' err)" "where the log was shown already, it is not repeated"
"$BERTH" run -n 2 -- sh -c 'exit $((BERTH_WORKER * 31 + 108))' >out 2>err; is 170 $? "statuses that are a signal's, and that no signal has"
has "$(cat err)" 'w1 failed: killed by SIGSEGV' "the one is named"
has "$(cat err)" 'w2 failed: exit status 170' "and so is the other"
"$BERTH" run -n 2 -- true 2>err; is 0 $? "two workers that pass"
is 2 "$(grep -vc 'user namespace' err)" "two workers that pass: one line at the start, one at the end"

"$BERTH" run -- "$top/none" 2>err; is 127 $? "a program that does not exist: 127"
has "$(cat err)" "unable to start '.*none': No such file or directory" "it is named"
: >plain
"$BERTH" run -- ./plain 2>err; is 126 $? "a file that cannot be executed: 126"
"$BERTH" run -n 2 -- "$top/none" >out 2>err; is 127 $? "the same for two workers"

start=$(date +%s)
"$BERTH" run --timeout 0.3 --grace 5 -- sleep 60 2>err; is 124 $? "timeout: 124"
has "$(cat err)" 'timed out after 0.3 s' "timeout: said"
"$BERTH" run -n 2 --timeout 0.3 --grace 0.2 -- sh -c 'trap "" TERM; while :; do sleep 0.05; done' >out 2>err
is 124 $? "timeout of a command that ignores SIGTERM: 124 after the grace"
[ $(($(date +%s) - start)) -lt 10 ]; report $? "timeouts end in time"

"$BERTH" run -n 3 --fail-fast --grace 2 -- sh -c '[ $BERTH_WORKER = 2 ] && exit 9; exec sleep 60' >out 2>err
is 9 $? "--fail-fast: the status of the worker that failed, not of those it ended"
has "$(cat err)" 'w1 failed: ended, because another worker failed' "--fail-fast: the others are named as ended"
"$BERTH" run --tree shared --each a,b,c -j 1 --fail-fast -- sh -c 'echo $BERTH_TASK >>ran; exit 5' >out 2>err
is 5 $? "--fail-fast with a queue"
is a "$(cat ran)" "--fail-fast: the rest of the queue never starts"
has "$(cat err)" '2 not started' "and Berth prints that"

"$BERTH" run --leaks fail -- sh -c 'sleep 600 & exit 0' 2>err; is 121 $? "--leaks fail: 121 for a process left behind"
has "$(cat err)" "exit status 121: something was left open, and --leaks is" "and the gate that made it so is named"
has "$(cat err)" 'left 1 process: sleep 600 \(pid [0-9]+\)' "the process is named"
"$BERTH" run --leaks fail -- sh -c 'sleep 600 & exit 3' 2>err; is 3 $? "--leaks fail: the suite's own failure comes first"
"$BERTH" run --leaks off -- sh -c 'sleep 600 & exit 0' 2>err; is 0 $? "--leaks off: no failure"
is "" "$(cat err)" "--leaks off: no word"
"$BERTH" run --leaks fail -- sh -c 'sleep 0.1 & exit 0' 2>err; is 0 $? "a child that ends by itself in a moment is no leak"

"$BERTH" run --range 33000-34000 -- true 2>err; is 125 $? "a range inside the ephemeral range: 125"
has "$(cat err)" '^hint: ' "with a hint"
"$BERTH" run --range 20000-20255 -n 9 -- true 2>err; is 125 $? "more blocks than the range holds: 125"
has "$(cat err)" '9 workers with a block of 32 ports each do not fit .* it holds 8 blocks' "exhaustion is predicted"
has "$(cat err)" '^hint: .*--block' "and the block size is named"

"$BERTH" run --range 20000-20031 --port 3101,20000-20003 -- true 2>err; is 0 $? "declared ports that lie in the worker's own block"
is "" "$(cat err)" "have their places"
"$BERTH" run -n 2 --range 20000-21535 --port 3001-3033 --db shop --db-mode private --setup true -- true 2>err
is 125 $? "declared ports that fit into the block but for the setup's worker, which has one as well"
has "$(cat err)" '^berth: 33 declared ports do not fit into a block of 32' "are counted"
has "$(cat err)" '^hint: .*--block' "and the block size is named"

"$BERTH" run --block 4 --port 4001-4004 --db shop --db-mode private -- true 2>err
is 125 $? "declared ports that fit into the block but for the database's"
has "$(cat err)" 'no real port is left for the database: its block has 4 \(raise .*--block\)' "and Berth prints it"

"$BERTH" run -n 2 --dry-run -- echo '{worker}/{workers} {task} {run} {other}' >out 2>err; is 0 $? "--dry-run"
has "$(cat out)" 'w2 \(2\): echo 2/2 2 \{run\} \{other\}' "--dry-run shows the commands with their placeholders filled in"
DATABASE_URL=postgresql://me:secret@localhost:1/shop "$BERTH" run -- false 2>err
has "$(cat err)" "with --db shop every worker gets one of its own" "a suite that fails without its database server gets a hint how to have one"
lacks "$(cat err)" secret "without the password"
DATABASE_URL=postgresql://me:secret@localhost:1/shop "$BERTH" run -- true 2>err
is '' "$(cat err)" "one that passes is not"
none_left && no_files; report $? "nothing is left of all this"

cat >busy.py <<'P'
import socket
server = socket.create_server(("127.0.0.1", 3101))
for i in range(5000):
    try: socket.socket().bind(("127.0.0.1", 3101))
    except OSError: pass
P
"$BERTH" run --backend preload -- python3 busy.py 2>err; is 0 $? "a worker that notes more than its map holds"
has "$(cat err)" '^berth: [0-9]+ notes of the workers were lost' "Berth prints it"
printf 'import socket\nserver = socket.create_server(("127.0.0.1", 3101))\nsocket.create_server(("127.0.0.1", 3101))\n' >twice.py
"$BERTH" run -n 2 --tree shared --output quiet -- python3 twice.py 2>err; is 1 $? "a port that a suite takes twice fails it"
has "$(cat err)" '^berth: w1.*: port already in use: port 3101 ' "and is named, without privilege as well"
touch file
"$BERTH" run --results file -- true 2>err; is 125 $? "results that are to go into a file"
has "$(cat err)" "unable to make the results directory '.*/file': Not a directory" "and Berth prints it"

# a worker that marks tests all the time delays no other: its neighbour's end is noticed meanwhile
(tries=200; until grep -qs worker_ended flood/runs/*/events.ndjson || [ $tries = 0 ]; do sleep 0.1; tries=$((tries - 1)); done
	[ $tries = 0 ] || : >noticed) & watcher=$!
"$BERTH" run -n 2 --tree shared --results flood -- sh -c '[ $BERTH_WORKER = 2 ] || exec sleep 1
	for i in 1 2 3 4 5 6; do yes "2 0 test" >"$BERTH_MARK" & done
	until [ -e noticed ] || [ $i = 250 ]; do sleep 0.1; i=$((i + 1)); done
	[ -e noticed ]' >out 2>err
is 0 $? "a flood of marks does not keep the supervisor"
wait $watcher
# Limits of file sizes, as some CI runners set them
(ulimit -f 100; exec "$BERTH" run -n 2 -- true) >out 2>err
is 125 $? "a limit of file sizes that is below a port map"
has "$(cat err)" "^berth: unable to make the port map '.*': File too large" "the message names the file"
has "$(cat err)" '^hint: .*ulimit -f unlimited' "and what to do"
no_files; report $? "and nothing is left"
(ulimit -f 20000; exec "$BERTH" run -n 2 -- sh -c 'head -c 30000000 /dev/zero >file') >out 2>err
is "153 2" "$? $(grep -c 'killed by SIGXFSZ' err)" "SIGXFSZ ends a command that writes more, as without Berth"
finish
