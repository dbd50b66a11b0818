#!/bin/sh
# SPDX-License-Identifier: MIT
# The capabilities and the filter of each of our processes after its start, as /proc shows them; the suite keeps its own.
# Refused calls are in tests/unit/confine.c, the relay in tests/db/hostile.sh.
. "$(dirname "$0")/../run/lib.sh"
[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP only root has capabilities to drop'; exit 77; }
field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
confined() { [ "$(field "$1" NoNewPrivs) $(field "$1" Seccomp)" = '1 2' ]; }
# role WHO PID MASK: has only these capabilities, and cannot get others
role() {
	wait_for 5 confined "$2"; report $? "$1: no new privileges, and a filter of system calls"
	is "$(field "$2" CapEff)" "$(field "$2" CapPrm)" "$1: it can raise no other capabilities than those in effect"
	is 0 "$((0x$(field "$2" CapEff) & ~$3))" "$1: they are among those that it needs ($(field "$2" CapEff))"
	is 0000000000000000 "$(field "$2" CapInh)" "$1: a program inherits none"
}
# as in the table of tools/process/confine.c
kill=1\<\<5 files='(1<<1|1<<3)' ptrace=1\<\<19 search=1\<\<2 bpf='(1<<12|1<<38|1<<39)'
"$BERTH" run -n 2 --tree shared --leaks off -- sh -c 'setpriv --reuid nobody --regid nogroup --clear-groups setsid sleep 621 & >here.$BERTH_WORKER; wait' >out 2>err &
run=$!
wait_for 10 test -e here.1 && wait_for 10 test -e here.2
init=$(pgrep -P $run -x berth-w1) guard=$(pgrep -P $run -x berth-guard) suite=$(pgrep -P "$init" -x sh)
role supervisor $run "($kill|$files|$ptrace|$bpf)"
role guard "$guard" "($kill|$files|$ptrace)"
for pid in $init $suite; do
	is "$(field $$ CapEff) 0 0" "$(field "$pid" CapEff) $(field "$pid" NoNewPrivs) $(field "$pid" Seccomp)" \
		"$(cat "/proc/$pid/comm"): the suite and what starts in it keep their own, and may gain more: sudo works"
done
kill -TERM $run; wait $run
wait_for 5 none_left; report $? "a process of another user in a worker is ended, too"

# A worker that starts late has the same rights
"$BERTH" run -n 2 -j 1 --tree shared -- sh -c 'grep -E "CapEff|CapBnd|NoNewPrivs|Seccomp:" /proc/self/status' >out 2>err
is "2 $(field $$ CapEff)" "$(sed -n 's/.*CapEff:[[:space:]]*//p' out | sort | uniq -c | awk '{ print $1, $2 }')" 'a worker that waited for its turn keeps its own'
is 4 "$(grep -cE '(NoNewPrivs|Seccomp):[[:space:]]*0' out)" 'and has no filter'

"$BERTH" monitor --all >out 2>err &
monitor=$!
if wait_for 5 confined $monitor; then
	role 'berth monitor' $monitor "($ptrace|$search|$bpf)"
	kill $monitor
	wait $monitor; is 0 $? 'berth monitor ends well'
else
	wait $monitor; skip 'berth monitor' "no eBPF: $(cat err)"
fi

# Users without capabilities
mkdir plain; chmod 777 plain
(cd plain && HOME=$PWD XDG_RUNTIME_DIR='' XDG_STATE_HOME='' exec setpriv --reuid nobody --regid nogroup --clear-groups "$BERTH" run -n 2 --tree shared -- sh -c 'echo >here.$BERTH_WORKER; until [ -e go ]; do sleep 0.1; done') >out 2>err &
run=$!
wait_for 10 test -e plain/here.1
role "a plain user's supervisor" $run 0
is 0 "$(stat -c %u /proc/$run/environ)" "a plain user's supervisor: no core, and other processes of the user cannot read it"
touch plain/go; wait $run; report $? "a plain user's run passes" err
for backend in preload seccomp; do
	setpriv --bounding-set=-all --inh-caps=-all "$BERTH" run --backend $backend -n 2 --tree shared -- true >out 2>err
	report $? "$backend: root without a capability" err
	unshare -Urm "$BERTH" run --backend $backend -n 2 -- true >out 2>err
	report $? "$backend: root of a user namespace" err
	unshare -Urmpf --mount-proc "$BERTH" run --backend $backend -n 2 -- true >out 2>err
	report $? "$backend: and of namespaces of mounts and processes" err
done
finish
