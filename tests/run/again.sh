#!/bin/sh
# SPDX-License-Identifier: MIT
# A run of named tasks uses the results of earlier ones: which tasks to run again, and in what
# order.
. "$(dirname "$0")/lib.sh"

tasks() { "$BERTH" run --tree shared --each "$@" -- sh -c 'echo $BERTH_TASK >>ran; sleep $(cat $BERTH_TASK.length 2>/dev/null || echo 0); [ ! -e $BERTH_TASK.bad ]' >out 2>err; }
ran() { tr '\n' ' ' <ran; rm ran; }

"$BERTH" run --last-failed -n 2 -- true 2>err; is 125 $? "--last-failed without --each: 125"
has "$(cat err)" 'needs --each' "and why"
: >b.bad; echo 1.6 >c.length; echo 0.8 >d.length
tasks a,b,c -j 1; is 1 $? "one of three tasks fails"
is 'a b c ' "$(ran)" "without a history they start as they are given"
tasks a,b,c,d -j 1
is 'd c a b ' "$(ran | sed 's/b a/a b/')" "what is new starts first, then what took longest"
rm b.bad
tasks a,b,c,d --last-failed; is 0 $? "what had failed passes when it is run again"
is 'b ' "$(ran)" "and nothing else is run"
has "$(cat err)" '^berth: 3 of 4 tasks passed the last time and are left out' "and Berth prints it"
tasks a,b,c,d --last-failed; is 0 $? "nothing to run again is no failure"
has "$(cat err)" '^berth: all 4 tasks passed the last time; nothing is run' "and Berth prints it"
[ ! -e ran ]; report $? "and nothing is run"
: >d.bad
tasks a,b,c,d -j 1 --fail-fast
is 'c d ' "$(ran)" "a run that ends early"
rm d.bad
tasks a,b,c,d --last-failed
is 'a b d ' "$(sort ran | tr '\n' ' '; rm ran)" "is resumed: what failed, and what it did not get to"
"$BERTH" run --tree shared --each x,y -j 1 -- sh -c 'echo $BERTH_TASK >>ran; [ $BERTH_TASK = x ] || exec sleep 60' >out 2>err &
wait_for 20 grep -qs y ran
kill -KILL $!; wait $! 2>/dev/null; rm ran
tasks x,y --last-failed
is 'y ' "$(ran)" "a run that was killed is resumed, too"
finish
