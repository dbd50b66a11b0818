#!/bin/sh
# SPDX-License-Identifier: MIT
# --mem, --cpu and --pids: they hold, Berth reports a worker that comes near, and nothing is left.
. "$(dirname "$0")/lib.sh"
if [ "$(id -u)" != 0 ] || "$BERTH" run --mem 1G -- true 2>&1 | grep -q 'limits cannot be set here'; then
	skip "no controller of cgroups may be used here"
	finish
fi

left() { find /sys/fs/cgroup -maxdepth 6 -type d -name "berth-$1" 2>/dev/null; }
run_id() { sed -n 's/^berth: run \([0-9a-f]*\):.*/\1/p' err | head -1; }
# N blocks of 10 MiB, held
eat() { echo "import time; a = [bytes(range(256)) * 40960 for _ in range($1)]; time.sleep($2)"; }

"$BERTH" run --mem 200M --tree shared -- python3 -c "$(eat 5 0)" 2>err; is 0 $? "a worker within its memory"
is '' "$(cat err)" "is nothing to speak of"
"$BERTH" run --mem 200M --tree shared -- python3 -c "$(eat 18 1)" 2>err; is 0 $? "a worker near the end of its memory"
has "$(cat err)" 'close to its limit: 1[78][0-9] of its 200 MiB of memory are in use' "is reported before it meets it"
"$BERTH" run -n 2 --mem 200M -- sh -c '[ $BERTH_WORKER = 1 ] || exec python3 -c "$1"' - "$(eat 18 1); $(eat 60 0)" >out 2>err
is 137 $? "one that needs more is killed"
has "$(cat err)" 'w2: close to its limit: 1[78][0-9] of its 200 MiB of memory are in use' "it was told before"
has "$(cat err)" 'w2: close to its limit: more than 200 MiB of memory were needed: the kernel has killed 1 of its processes' "and Berth prints why"
lacks "$(cat err)" 'w1.*limit' "its neighbour is not"
is '' "$(left "$(run_id)")" "no cgroup is left"

dd if=/dev/zero of=file bs=1M count=400 2>/dev/null
"$BERTH" run --mem 200M --tree shared -- sh -c 'cat file file >/dev/null; sleep 0.5' 2>err; is 0 $? "files that pass through the cache"
is '' "$(cat err)" "do not count"
rm file

"$BERTH" run --pids 20 --tree shared -- python3 -c 'import threading, time
for i in range(40):
    try: threading.Thread(target=time.sleep, args=(1,)).start()
    except RuntimeError: print("refused after", i); break' >out 2>err
has "$(cat out)" '^refused after 1[0-9]$' "a worker with too many threads"
has "$(cat err)" 'a process or thread could not be started, because 20 were running: [0-9]+ times' "hears of it"

"$BERTH" run -n 2 --cpu 0.05 -- timeout 7 sh -c 'while :; do :; done' >out 2>err
has "$(cat err)" 'held back nearly all the time by its limit of 0.05 processors' "a worker that wants more processors than it may have"

"$BERTH" run -n 2 --mem 200M --tree shared -- sh -c 'echo started; exec sleep 60' >out 2>err & supervisor=$!
wait_for 20 grep -q started out
id=$(run_id)
[ -n "$(left "$id")" ]; report $? "the cgroups of a run that lives"
guard=$(pgrep -P $supervisor | head -50 | tr '\n' ' ')
kill -KILL $supervisor $guard; wait $supervisor 2>/dev/null
# a killed guard holds the run's lock until the kernel has closed its descriptors
reaped() { "$BERTH" reap >out 2>&1; [ -z "$(left "$id")" ]; }
wait_for 10 reaped; report $? "are removed when all of it was killed"
finish
