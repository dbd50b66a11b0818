#!/bin/sh
# SPDX-License-Identifier: MIT
# `berth logs`: of a live worker, followed to its end, of a worker that has ended, of a private
# server.
. "$(dirname "$0")/lib.sh"
"$BERTH" logs 2>err; is 1 $? "no run: 1"
has "$(cat err)" '^berth: no run has been recorded' "and why"

cat >"$top/server.sh" <<'SH'
echo "the server starts"; exec sleep 60
SH
printf 'databases: [{kind: command, name: toy, port: 7411, start: sh %s/server.sh, ready: "true"}]\n' "$top" >berth.yaml
"$BERTH" run --tree shared --each one,two -- sh -c 'echo begin $BERTH_TASK; echo err >&2; while [ ! -e "$1" ]; do sleep 0.05; done; echo end $BERTH_TASK' - "$top/go" >out 2>err &
run=$!
begun() { [ "$("$BERTH" logs -w 2 2>/dev/null | grep -c .)" = 2 ]; }
wait_for 10 begun
report $? "the log of a live worker, both streams"
is "begin two" "$("$BERTH" logs -w two 2>&1 | grep begin)" "by the name of its task"
id=$("$BERTH" ps --json | jq -r '.[0].run')
is "begin one" "$("$BERTH" logs -w "$id.1" 2>&1 | grep begin)" "by run and number"
"$BERTH" logs >/dev/null 2>"$top/err"; is 125 $? "of two workers one is to be chosen"
has "$(cat "$top/err")" 'choose one with -w N' "and Berth says so"
is "the server starts" "$("$BERTH" logs -w 1 --server command 2>&1)" "the log of its private server"
"$BERTH" logs -w 1 --server postgres 2>"$top/err"; is 1 $? "of another server there is none"
"$BERTH" logs -w 1 -f >"$top/followed" 2>&1 &
follower=$!
wait_for 20 grep -qs begin "$top/followed"
: >"$top/go"
wait $follower; is 0 $? "-f ends with the worker"
is "begin one end one" "$(grep one "$top/followed" | tr '\n' ' ' | sed 's/ $//')" "and shows all until then"
wait $run
is "begin two end two" "$("$BERTH" logs -w two 2>&1 | grep two | tr '\n' ' ' | sed 's/ $//')" "the log of a worker that has ended"
is "begin one end one" "$("$BERTH" logs -f --run "$id" -w w1 2>&1 | grep one | tr '\n' ' ' | sed 's/ $//')" "-f ends at once there"
is "the server starts" "$("$BERTH" logs -w "$id.1" --server command-7411 2>&1)" "and of its server"
"$BERTH" logs -w 3 2>"$top/err"; is 125 $? "a worker that was not there: 125"
"$BERTH" logs --run ffff 2>"$top/err"; is 1 $? "a run that is not known: 1"
rm berth.yaml
"$BERTH" run --each alone -- true 2>err
"$BERTH" logs 2>"$top/err"; is 1 $? "one worker alone has no log"
has "$(cat "$top/err")" 'writes to its terminal' "and Berth says why"
finish
