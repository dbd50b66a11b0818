#!/bin/sh
# SPDX-License-Identifier: MIT
# A warden keeps the capabilities that it needs to end its worker, and no others; the suite keeps all that it was given.
. "$(dirname "$0")/../run/lib.sh"
[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP only root has capabilities to drop'; exit 77; }
field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
"$BERTH" run -n 2 --tree shared --leaks off -- sh -c 'setpriv --reuid nobody --regid nogroup --clear-groups setsid sleep 621 & echo $$ >pid.$BERTH_WORKER; wait' >out 2>err &
run=$!
wait_for 10 test -s pid.1 && warden=$(pgrep -P $run -x berth-w1) && suite=$(cat pid.1)
dropped() { [ "$(field "$warden" CapEff)" = 0000000000080020 ]; }
wait_for 5 dropped; report $? "a warden has CAP_KILL and CAP_SYS_PTRACE in effect"
is 0000000000080020 "$(field "$warden" CapPrm)" "and can raise no other"
is 1 "$(field "$warden" NoNewPrivs)" "nor by a program"
is "$(field $$ CapEff)" "$(field "$suite" CapEff)" "the suite has what it was given"
is 0 "$(field "$suite" NoNewPrivs)" "and may gain more: sudo works"
kill -TERM $run; wait $run
wait_for 5 none_left; report $? "a worker's process of another user is ended all the same"
finish
