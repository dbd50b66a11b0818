#!/bin/sh
# SPDX-License-Identifier: MIT
# SIGKILL of the supervisor, the cleanup guard, both, or a worker init as well, at random moments:
# after the next berth command no process, listener, cgroup, file or entry is left.
. "$(dirname "$0")/lib.sh"
rounds=${ROUNDS:-${QUICK:+10}${FULL:+100}}
rounds=${rounds:-25}
cat >suite.py <<'PY'
import os, socket, subprocess, time
s = socket.socket(); s.bind(("127.0.0.1", 3101)); s.listen()
subprocess.Popen(["sh", "-c", "setsid sleep 611 & exec sleep 612"], start_new_session=True)
time.sleep(600)
PY
: >.berth-ids
run_ids() { ls "$XDG_RUNTIME_DIR/berth" 2>/dev/null; }
cgroups() { for id in $(sort -u .berth-ids); do find /sys/fs/cgroup -maxdepth 6 -name "berth-$id" 2>/dev/null; done; }
listeners() { ss -Hltnp 2>/dev/null | grep -c ":2[0-9][0-9][0-9][0-9] .*python3.*,pid=$1,"; }
guard_of() { pgrep -P "$1" -x berth-guard; }

with_guard=0 at_once=0 stuck="" round=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	"$BERTH" run -n 2 -- python3 "$top/project/suite.py" >out 2>err &
	run=$!
	# a different moment each time, from the first system call to a suite that runs
	python3 -c "import random, time; time.sleep(random.random() ** 2 * 0.25)"
	guard=$(guard_of $run)
	init=$(pgrep -P $run -x berth-w1)
	run_ids >>.berth-ids
	case $((round % 5)) in
	0) victims="$run" ;;
	1) victims="$guard $run" ;;
	2) victims="$run $guard" ;;
	3) victims="$init $guard $run" ;;
	4) victims="$guard $init $run" ;;
	esac
	kill -9 $victims 2>/dev/null
	wait $run 2>/dev/null
	for pid in $victims; do wait_for 5 gone "$pid"; done # killed is not dead: it closes its files on its way
	run_ids >>.berth-ids
	if [ $((round % 5)) = 0 ] && [ -n "$guard" ]; then # the guard lives and is enough
		with_guard=$((with_guard + 1))
		wait_for 5 none_left && wait_for 5 no_files && at_once=$((at_once + 1))
	fi
	"$BERTH" run -- true 2>err || stuck="$stuck next-$round:$(tr "\n" " " <err)"
	# a guard that was not there yet when we looked for it needs its moment
	if [ -z "$guard" ]; then wait_for 8 no_files; fi
	none_left || stuck="$stuck process-$round"
	no_files || stuck="$stuck files-$round"
	[ -z "$(cgroups)" ] || stuck="$stuck cgroup-$round"
	[ "$(tr -d ' \n' <$results/allocated-ports.json)" = "[]" ] || stuck="$stuck entries-$round"
done
is "" "$stuck" "$rounds kills at random moments: nothing is left after the next command"
is $with_guard $at_once "with the guard alive nothing is left even without it"
trees() { for id in $(sort -u .berth-ids); do ls -d /tmp/berth-trees-*/$id-* /var/tmp/berth-trees-*/$id-* 2>/dev/null; done; }
is "" "$(trees)" "no tree or temporary file either"

# no process of the run is left: `berth reap` is enough
"$BERTH" run -n 2 --port 3101 --tree shared -- sh -c ': >ready.$BERTH_WORKER; exec sleep 614' >out 2>err &
run=$!
both() { [ -e ready.1 ] && [ -e ready.2 ]; }
wait_for 10 both
entries() { jq length $results/allocated-ports.json; }
before=$(entries)
guard=$(guard_of $run)
kill -9 "$guard" $run
wait $run 2>/dev/null
wait_for 5 gone "$guard"
"$BERTH" reap >out 2>err
is "2 0" "$before $(entries)" "berth reap: a dead run's ports are out of allocated-ports.json"
rm -f ready.*

# a worker init alone: its worker fails, its processes end, the neighbour passes
"$BERTH" run -n 2 --tree shared -- sh -c ': >ready.$BERTH_WORKER; [ $BERTH_WORKER = 2 ] && exit 0; exec sleep 613' >out 2>err &
run=$!
wait_for 10 test -e ready.1
kill -9 "$(pgrep -P $run -x berth-w1)"
wait $run; is 125 $? "SIGKILL of a worker init fails its worker"
has "$(cat err)" 'the init process of w1 died' "and Berth prints it"
wait_for 5 none_left; report $? "what it watched over has ended"

# the whole process group of a single worker's run, as `kill -9 -PGID` does
python3 - "$BERTH" <<'PY'
import os, signal, subprocess, sys, time
run = subprocess.Popen([sys.argv[1], "run", "--", "sh", "-c", "(setsid sleep 614 &); : >single; sleep 615"], start_new_session=True)
end = time.time() + 10
while time.time() < end and not os.path.exists("single"):
    time.sleep(0.01)
os.killpg(run.pid, signal.SIGKILL)
run.wait()
PY
wait_for 5 none_left && wait_for 5 no_files; report $? "SIGKILL of the process group of a single run leaves nothing"

# its neighbour's server lives on, though it has become a child of the same supervisor
if command -v redis-server >/dev/null; then
	rm -f begun.*
	XDG_CACHE_HOME=$PWD/cache "$BERTH" run -n 2 --tree shared --db redis://localhost:6379 -- sh -c '
		: >begun.$BERTH_WORKER; i=0; while [ ! -e killed ] && [ $i -lt 600 ]; do sleep 0.05; i=$((i + 1)); done
		exec redis-cli ping' >out 2>err &
	run=$!
	wait_for 15 test -e begun.1 && wait_for 15 test -e begun.2
	kill -9 "$(pgrep -P $run -x berth-w1)"
	wait_for 5 sh -c "! pgrep -P $run -x berth-w1 >/dev/null"
	: >killed
	wait $run; is 125 $? "SIGKILL of a worker init whose worker has a server"
	is 'w2 | PONG' "$(cat out)" "leaves the neighbour its own"
	rm killed
fi

# --dry-run lists, and removes nothing
"$BERTH" run -n 2 -- sleep 616 >out 2>err &
run=$!
wait_for 5 guard_of $run >/dev/null
some_files() { ! no_files; }
wait_for 5 some_files
kill -STOP $run
guard=$(guard_of $run)
kill -9 "$guard" $run
wait $run 2>/dev/null
wait_for 5 gone "$guard"
has "$("$BERTH" reap --dry-run)" 'run [0-9a-f]+: files ' "reap --dry-run names the debris"
no_files; [ $? != 0 ]; report $? "and leaves it"
id=$(ls "$XDG_RUNTIME_DIR/berth")
env BERTH_RUN="$id" BERTH_MAP=/elsewhere/w1.map sleep 617 &
neighbour=$!
env BERTH_RUN="$id" sleep 618 &
stray=$!
"$BERTH" reap >/dev/null; is 0 $? "reap"
none_left && no_files; report $? "reap removes it"
wait $stray; is 137 $? "with a process that says no more than the run's id"
kill $neighbour; report $? "but not the processes of a run of that id whose run-time files are elsewhere"
finish
