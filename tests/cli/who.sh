#!/bin/sh
# berth who: its exit status and both outputs; berth mark outside a run.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

port=3179
berth who $port
same 'a free port: exit status 1' 1 "$status"
has 'and it says so' "port $port: free" "$out"
nc -l 127.0.0.1 $port >/dev/null &
holder=$!
timeout 5 sh -c "until '$BERTH' who $port >/dev/null; do :; done"
berth who $port
same 'a held port: exit status 0' 0 "$status"
has 'it names the holder' "held by nc (pid $holder)" "$out"
has 'its directory' "in $PWD" "$out"
has 'and what to do' "kill $holder" "$out"
berth who $port --json
same 'JSON names the holder' "owned $holder listening" \
	"$(printf '%s' "$out" | jq -r '"\(.verdict) \(.holders[0].pid) \(.holders[0].sockets[0].state)"')"
kill $holder
mkdir "$(printf 'a\033[31m\nb')" && cd a*
python3 -c 'import socket, time
open("/proc/self/comm", "wb").write(b"n\x1b[31m")
server = socket.create_server(("127.0.0.1", 3178)); time.sleep(60)' &
holder=$!
cd ..
timeout 5 sh -c "until '$BERTH' who 3178 >/dev/null; do :; done"
berth who 3178
kill $holder
has 'names that a terminal would obey are shown' "held by n [31m (pid $holder)" "$out"
has 'in one line each' "in $PWD/a [31m b" "$out"
lacks 'without what it would obey' "$(printf '\033')" "$out"
berth who 0
same 'not a port: exit status 125' 125 "$status"
berth mark 'a test'
same 'mark outside a run does nothing' "0" "$status$out$err"
finish
