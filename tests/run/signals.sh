#!/bin/sh
# SPDX-License-Identifier: MIT
# Signals to a run: the first ends it with grace, the second at once; no process survives, not even
# a daemon.
. "$(dirname "$0")/lib.sh"

# start ARGS...: a run in the background, until every worker has written its file
start() {
	rm -f ready.* got.*
	"$BERTH" run "$@" >out 2>err &
	run=$!
}
ready() { [ "$(ls | grep -c '^ready\.')" = "$1" ]; }
tree='--tree shared'

suite='trap "echo term >got.$BERTH_WORKER; exit 0" TERM; trap "echo int >got.$BERTH_WORKER; exit 0" INT
: >ready.$BERTH_WORKER; while :; do sleep 0.02; done'
for signal in TERM INT HUP; do
	case $signal in TERM) number=15 ;; INT) number=2 ;; HUP) number=1 ;; esac
	# not through `&`: a shell without job control starts background commands with SIGINT
	# ignored
	rm -f ready.* got.*
	python3 - "$BERTH" $number "$suite" <<'PY' >out 2>err
import os, signal, subprocess, sys, time
berth, number, suite = sys.argv[1], int(sys.argv[2]), sys.argv[3]
run = subprocess.Popen([berth, "run", "-n", "2", "--tree", "shared", "--grace", "5", "--", "sh", "-c", suite])
end = time.time() + 10
while time.time() < end and len([f for f in os.listdir(".") if f.startswith("ready.")]) < 2:
    time.sleep(0.01)
run.send_signal(number)
print(run.wait(15))
PY
	is $((128 + number)) "$(tail -1 out)" "SIG$signal to a run of two: 128 + $number"
	none_left; report $? "SIG$signal: every process has ended"
done
is "int int" "$(rm -f got.*; python3 - "$BERTH" "$suite" <<'PY' 2>/dev/null
import os, signal, subprocess, sys, time
run = subprocess.Popen([sys.argv[1], "run", "-n", "2", "--tree", "shared", "--", "sh", "-c", sys.argv[2]])
for f in ("ready.1", "ready.2"):
    try: os.unlink(f)
    except OSError: pass
end = time.time() + 10
while time.time() < end and len([f for f in os.listdir(".") if f.startswith("ready.")]) < 2:
    time.sleep(0.01)
run.send_signal(signal.SIGINT)
run.wait(15)
PY
cat got.1 got.2 | tr '\n' ' ' | sed 's/ $//')" "the workers get the signal that we got"

stubborn='trap "" TERM INT; : >ready.$BERTH_WORKER; while :; do sleep 0.02; done'
start -n 2 $tree --grace 60 -- sh -c "$stubborn"
wait_for 10 ready 2; report $? "two workers that ignore SIGTERM are running"
begin=$(date +%s)
kill -TERM $run
sleep 0.1
kill -0 $run; report $? "the first SIGTERM leaves them their grace"
kill -TERM $run
wait $run; is 143 $? "the second ends the run at once"
[ $(($(date +%s) - begin)) -lt 10 ]; report $? "at once means well within the grace"
none_left; report $? "nothing is left of them"

start $tree --grace 1 -- sh -c 'trap "echo term >got.1; exit 4" TERM; : >ready.1; while :; do sleep 0.02; done'
wait_for 10 ready 1
kill -TERM $run
wait $run; is 4 $? "one worker: SIGTERM to Berth is passed on, and the status is what the command makes of it"
is term "$(cat got.1)" "one worker: the command had its chance"
start $tree -- sh -c ': >ready.1; exec sleep 60'
wait_for 10 ready 1
kill -TERM $run
wait $run; is 143 $? "one worker: 128 + the signal that it died of"

# not through `&`, as above
rm -f ready.*
python3 - "$BERTH" <<'PY' >out 2>err
import os, signal, subprocess, sys, time
for workers in "1", "2":
    for name in [name for name in os.listdir(".") if name.startswith("ready.")]:
        os.remove(name)
    run = subprocess.Popen([sys.argv[1], "run", "-n", workers, "--tree", "shared", "--output", "quiet", "--", "sh", "-c",
        'trap "echo quit >>quit; exit 3" QUIT; : >ready.$BERTH_WORKER; i=0; while [ $i -lt 300 ]; do sleep 0.02; i=$((i + 1)); done'])
    end = time.time() + 10
    while time.time() < end and len([f for f in os.listdir(".") if f.startswith("ready.")]) < int(workers):
        time.sleep(0.01)
    run.send_signal(signal.SIGQUIT)
    print(run.wait(15))
PY
is "3 3 quit quit quit" "$(grep '^3$' out | cat - quit | tr '\n' ' ' | sed 's/ $//')" "SIGQUIT is the commands' own affair, of one and of two"

start -n 2 $tree -- sh -c '(setsid sh -c "(setsid sleep 601 & ) ; echo \$\$ >pid.\$BERTH_WORKER; exec sleep 602" &) ; : >ready.$BERTH_WORKER'
wait $run; is 0 $? "daemons that forked twice and opened sessions: the run ends by itself"
none_left; report $? "and they end with it"
has "$(cat err)" 'w1 left [0-9] process.*sleep 60' "and are named"

# a daemon without an environment is found as a descendant
"$BERTH" run $tree --leaks off -- sh -c 'env -i setsid sh -c "echo \$\$ >daemon; exec sleep 603" & while ! [ -s daemon ]; do sleep 0.02; done'
gone "$(cat daemon)"; report $? "a daemon with an empty environment ends, too"

# A process whose parent SIGTERM ended was not there when all were asked: it is asked as well. It is
# asked again if it was still a copy of the shell that forked it.
begun=$(date +%s)
"$BERTH" run -n 8 --output quiet $tree --leaks off -- sh -c '(trap "sleep 618 & exit" TERM; : >armed.$BERTH_WORKER; while :; do sleep 0.05; done) & until [ -e armed.$BERTH_WORKER ]; do sleep 0.02; done' 2>err
[ $(($(date +%s) - begun)) -lt 8 ]; report $? "children born of SIGTERM do not sit out the grace of 10 s"

# job control: the workers stop and go on with us
start -n 2 $tree -- sh -c 'trap "exit 0" TERM; : >ready.$BERTH_WORKER; while :; do echo x >>ticks.$BERTH_WORKER; sleep 0.02; done'
wait_for 10 ready 2
kill -TSTP $run
stopped() { grep -q '^State:.*T' /proc/$run/status; }
wait_for 5 stopped; report $? "SIGTSTP stops the supervisor"
still() { a=$(cat ticks.* | wc -l); sleep 0.15; [ "$a" = "$(cat ticks.* | wc -l)" ]; }
wait_for 5 still; report $? "and the workers"
before=$(cat ticks.* | wc -l)
kill -CONT $run
moving() { [ "$(cat ticks.* | wc -l)" -gt "$before" ]; }
wait_for 5 moving; report $? "SIGCONT lets them go on"
kill -TERM $run
wait $run; is 143 $? "and the run can still be ended"
cat >started.py <<'PY'
import os, signal, subprocess, sys, time
berth, ignored, sent, workers = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4]
for name in os.listdir("."):
    if name.startswith("ready."): os.unlink(name)
run = subprocess.Popen([berth, "run", "-n", workers, "--tree", "shared", "--output", "quiet", "--", "sh", "-c",
    'sh -c "exit 7"; echo $? >child.$BERTH_WORKER; : >ready.$BERTH_WORKER; i=0; while [ $i -lt 50 ]; do sleep 0.02; i=$((i + 1)); done'],
    stdout=2, preexec_fn=lambda: signal.signal(getattr(signal, ignored), signal.SIG_IGN))
end = time.time() + 10
while time.time() < end and len([f for f in os.listdir(".") if f.startswith("ready.")]) < int(workers):
    time.sleep(0.01)
if sent != "none": run.send_signal(getattr(signal, sent))
try: print(run.wait(15))
except subprocess.TimeoutExpired: run.kill(); print("hangs")
PY
is 0 "$(python3 started.py "$BERTH" SIGHUP SIGHUP 2 2>err)" "nohup: a terminal that goes ends no command"
is 143 "$(python3 started.py "$BERTH" SIGHUP SIGTERM 2 2>err)" "but SIGTERM does"
is 0 "$(python3 started.py "$BERTH" SIGCHLD none 1 2>err)" "started by a process that ignores SIGCHLD"

# a server that never answers has a minute to do so
printf 'databases: [{kind: command, port: 7000, start: ": >starting.$$; exec sleep 619", ready: "false"}]\n' >berth.yaml
start -n 2 $tree -- true
waits() { ls starting.* >/dev/null 2>&1; }
wait_for 10 waits; report $? "two workers wait for their databases"
begin=$(date +%s)
kill -TERM $run
wait $run; is 143 $? "they need not wait to be ended"
[ $(($(date +%s) - begin)) -lt 20 ]; report $? "and do not"
has "$(cat err)" '^berth: w1 failed: ended by signal' "and Berth prints it"
rm berth.yaml
none_left && no_files; report $? "nothing is left of all this"
finish
