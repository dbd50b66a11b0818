#!/bin/sh
# SPDX-License-Identifier: MIT
# Processes and IPC of each worker: what goes by a process's name or number, by a key or by the name
# of a queue meets this worker's own only. People outside see the numbers of their own namespace.
. "$(dirname "$0")/lib.sh"
ours=$(readlink /proc/self/ns/pid)
says() { sed -n 's/^w[0-9] | //p' out | sort | uniq -c | sed 's/^ *//' | tr '\n' ';'; }
# The numbers outside of the processes with $1 in their environment.
outside() { grep -lz "^MINE=$1\$" /proc/[0-9]*/environ 2>/dev/null | tr -dc '0-9\n' | sort -n; }

"$BERTH" run -n 2 --tree shared -- true >out 2>err
if grep -q 'processes.*are shared by all workers' err; then
	skip "processes of their own" "$(grep -m1 'are shared by all workers' err)"
	finish
fi

# Each way to end a process that goes by a name or by all numbers. The servers of the neighbours are
# up before, and must be up afterwards.
cp "$(command -v sleep)" berth-tserver
cat >ends.sh <<'SH'
./berth-tserver 100 & server=$!
: >"up.$1.$BERTH_WORKER"
until [ "$(ls | grep -c "^up\.$1\.")" = 3 ]; do sleep 0.02; done
if [ "$BERTH_WORKER" = 2 ]; then
	case $1 in
	pkill) pkill -f berth-tserver ;;
	killall) killall -9 berth-tserver ;;
	pidof) kill $(pidof berth-tserver) ;;
	pgrep) kill $(pgrep -x berth-tserver) ;;
	daemon) start-stop-daemon --stop --quiet --exec "$PWD/berth-tserver" ;;
	all) trap '' TERM; [ "$(readlink /proc/self/ns/pid)" != "$2" ] && kill -TERM -1 ;;
	esac
	wait $server; [ $? -gt 128 ] && echo ended; : >"done.$1"; exit 0
fi
until [ -e "done.$1" ]; do sleep 0.02; done
kill -0 $server && echo runs
kill $server
SH
for way in pkill killall pidof pgrep daemon all; do
	case $way in
	daemon) command=start-stop-daemon ;;
	all) command=sh ;;
	*) command=$way ;;
	esac
	if ! command -v $command >/dev/null; then
		skip "$way" "$command is not installed"
		continue
	fi
	"$BERTH" run -n 3 --tree shared -- sh ends.sh $way "$ours" >out 2>err
	is "0 1 ended;2 runs;" "$? $(says)" "$way ends the processes of its own worker only"
done

cat >ipc.py <<'PY'
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
new = os.O_CREAT | os.O_EXCL
IPC_NEW = 0o3000 | 0o600
made = [libc.mq_open(b"/berth-test", new | os.O_RDWR, 0o600, None), libc.shmget(4242, 4096, IPC_NEW),
        libc.semget(4242, 1, IPC_NEW), libc.msgget(4242, IPC_NEW)]
print("made" if min(made) >= 0 else made)
open("ipc.%s" % os.environ["BERTH_WORKER"], "w").close()
while not all(os.path.exists("ipc.%d" % i) for i in (1, 2, 3)): time.sleep(0.01)
PY
"$BERTH" run -n 3 --tree shared -- python3 ipc.py >out 2>err
is "0 3 made;" "$? $(says)" "three workers make one POSIX message queue and one System V key each"
is "" "$(ipcs -m -q -s 2>/dev/null | grep -i 0x00001092)" "and nothing of it stays"

# The numbers that people see, and the end of the worker init.
rm -f up
"$BERTH" run -n 2 --tree shared -- env MINE=numbers sh -c 'setsid sleep 101 & : >up; wait' >out 2>err &
run=$!
wait_for 20 test -e up
pids() { [ "$("$BERTH" ps --json | grep -c '"pid": [1-9]')" -ge 3 ]; }
wait_for 20 pids
found=0
for pid in $("$BERTH" ps --json | sed -n 's/.*"pid": \([0-9]*\).*/\1/p'); do
	outside numbers | grep -qx "$pid" && found=$((found + 1))
done
is 2 $found "berth ps shows the numbers that the commands have outside"
has "$("$BERTH" env -w 1 2>&1)" 'BERTH_WORKER=1' "berth env finds the worker by them"
init=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$(outside numbers | head -1)/status")
has "$(cat /proc/$init/status)" '^NSpid:.*[[:space:]]1$' "the parent of the command is process 1 inside"
kill -KILL "$init"
wait $run
is 125 $? "a worker init that was killed fails its worker"
wait_for 10 none_left
is "" "$(outside numbers)" "and all of that worker's processes end with it, also in sessions of their own"
lacks "$(cat err)" 'still in|left behind' "Berth has nothing left to report"

"$BERTH" run -n 2 --tree shared -- sh -c 'sleep 102 >/dev/null 2>&1 & echo $!' >out 2>err
has "$(cat err)" 'sleep 102 \(pid [1-9]' "a leftover process is named"
lacks "$(cat err)" "pid ($(sed -n 's/^w[12] | //p' out | tr '\n' '|')0)" "and its number is that of people outside"
is 2 "$(sed -n 's/^w[12] | //p' out | sort -u | wc -l)" "numbers inside differ, as names in shared directories are made of them"

# Inside of a worker of a single run.
is "$ours" "$("$BERTH" run -- readlink /proc/self/ns/pid 2>err)" "one worker shares the processes by default"
[ "$ours" != "$("$BERTH" run --processes private -- readlink /proc/self/ns/pid 2>err)" ]
report $? "--processes private: one worker has its own"
is "0 2 $ours;" "$("$BERTH" run -n 2 --tree shared --processes shared -- readlink /proc/self/ns/pid >out 2>err; echo $? $(says))" "--processes shared: several workers share"
cat >inside.sh <<'SH'
"$BERTH" mark 'a test' || echo "mark: $?"
[ "$("$BERTH" env -w 1 | grep -c BERTH_WORKER=1)" = 1 ] || echo env
[ "$(pgrep -f inside.sh)" = $$ ] || echo "pgrep: $(pgrep -fa inside.sh)"
"$BERTH" run -n 2 --tree shared -- true 2>nested || { echo "nested: $?"; cat nested; }
[ "$(bash -c 'set -m; sleep 100 & kill -STOP %1; jobs; kill %1; kill -CONT %1; wait %1; echo $?' 2>/dev/null | tail -1)" = 143 ] || echo "job control"
python3 -c 'import multiprocessing as m; p = m.Pool(2); exit(p.map(abs, [-1, -2]) != [1, 2])' || echo multiprocessing
! command -v strace >/dev/null || [ "$(strace -f -o /dev/null sh -c 'sh -c "echo fine"')" = fine ] || echo strace
! command -v gdb >/dev/null || [ "$(gdb -batch -nx -ex run --args sh -c 'echo fine' 2>/dev/null | grep -c '^fine')" = 1 ] || echo gdb
echo "over"
SH
export BERTH
"$BERTH" run --processes private -- sh inside.sh >out 2>err
is "0 over" "$? $(tr '\n' ' ' <out | sed 's/ $//')" "marks, berth env, a run inside, job control, multiprocessing, strace, gdb work inside"

# A container masks parts of /proc; the kernel then refuses a new one.
masked="mount --bind /dev/null /proc/kallsyms && exec unshare -Um --map-user=$(id -u) --map-group=$(id -g)"' "$@"'
if unshare -Urm sh -c "$masked" sh true 2>/dev/null; then
	unshare -Urm sh -c "$masked" sh "$BERTH" run -n 2 --tree shared -- true >out 2>err
	has "$? $(cat err)" 'processes and System V IPC are shared by all workers: mount of /proc: Operation' "a masked /proc: shared, and Berth says so"
	unshare -Urm sh -c "$masked" sh "$BERTH" run --processes private -- true >out 2>err
	is 125 $? "--processes private is refused there"
	has "$(cat err)" 'hint: --processes shared' "with a hint"
else
	skip "a masked /proc" "no nested user namespaces here"
fi
finish
