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
server = socket.create_server(("127.0.0.1", 3176)); time.sleep(60)' &
holder=$!
cd ..
timeout 5 sh -c "until '$BERTH' who 3176 >/dev/null; do :; done"
berth who 3176
kill $holder
has 'names that a terminal would obey are shown' "held by n [31m (pid $holder)" "$out"
has 'in one line each' "in $PWD/a [31m b" "$out"
lacks 'without what it would obey' "$(printf '\033')" "$out"

# one process with every kind of socket on one port, and a connection that it has closed first
cat >every.py <<'P'
import socket, time
def at(family, kind, address, listen=False):
    one = socket.socket(family, kind)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind((address, 3178))
    if listen:
        one.listen()
    return one
server = at(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1", True)
others = [at(socket.AF_INET6, socket.SOCK_STREAM, "::1", True), at(socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
          at(socket.AF_INET6, socket.SOCK_DGRAM, "::1"), at(socket.AF_INET, socket.SOCK_STREAM, "127.0.0.2")]
for kept in False, True:
    client = socket.create_connection(("127.0.0.1", 3178))
    accepted = server.accept()[0]
    if not kept:
        accepted.close()
        client.recv(1)
        client.close()
open("ready", "w").close()
time.sleep(60)
P
python3 every.py &
holder=$!
timeout 10 sh -c 'until [ -e ready ]; do :; done'
berth who 3178
has 'every kind of socket is listed: TCP' 'TCP  127.0.0.1:3178         listening' "$out"
has 'IPv6' 'TCP  [::1]:3178             listening, IPv6 only' "$out"
has 'UDP' 'UDP  127.0.0.1:3178         bound' "$out"
has 'UDP over IPv6' 'UDP  [::1]:3178             bound' "$out"
has 'bound, and not listening' 'TCP  127.0.0.2:3178         bound only' "$out"
has 'connected' 'TCP  127.0.0.1:3178         connected to 127.0.0.1:' "$out"
has 'in TIME_WAIT, with the seconds' 's left' "$(printf '%s\n' "$out" | grep 'TIME_WAIT to')"
if [ "$(id -u)" = 0 ]; then
	status=0
	out=$(cd / && setpriv --reuid 65534 --regid 65534 --clear-groups "$BERTH" who 3178) || status=$?
	same "another user's: exit status 3" 3 "$status"
	has 'its sockets are shown' '127.0.0.1:3178         listening' "$out"
	has 'and how to see the owner' 'sudo berth who 3178' "$out"
else
	skip "another user's port" 'needs root'
fi
kill $holder
timeout 10 sh -c "while kill -0 $holder; do :; done" 2>"$work/err"
berth who 3178
same 'only TIME_WAIT is left: exit status 3' 3 "$status"
if [ "$(id -u)" = 0 ]; then has 'nobody holds it' 'port 3178: held by no process any more' "$out"; fi
has 'it says how long that will take' 'to do: wait ' "$out"

namespace=-n
[ "$(id -u)" = 0 ] || namespace=-rn
unshare $namespace python3 -c 'import socket, time
server = socket.create_server(("0.0.0.0", 3177)); open("inside", "w").close(); time.sleep(60)' &
holder=$!
timeout 10 sh -c 'until [ -e inside ]; do :; done'
berth who 3177
same 'held in another network namespace: free here, exit status 1' '1 port 3177: free here, held in another network namespace' \
	"$status $(printf '%s\n' "$out" | head -n 1)"
has 'and by whom' "pid $holder," "$out"
if [ "$(id -u)" = 0 ]; then # as a supervisor that has given it up
	said=$(setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$BERTH" who 3177) || :
	has 'and without the right to enter the namespace' "pid $holder," "$said"
fi
kill $holder

# Unix sockets, as each worker calls them
cat >names.py <<'P'
import os, socket, time
path = os.path.abspath("own-%s.sock" % os.environ["BERTH_WORKER"])
held = [socket.socket(socket.AF_UNIX) for _ in range(2)]
held[0].bind("\0who-names"); held[1].bind(path)
for s in held: s.listen()
open("up-" + os.environ["BERTH_WORKER"], "w").close(); time.sleep(120)
P
"$BERTH" run -n 2 --tree shared --backend preload -- python3 names.py >"$work/out" 2>&1 & run=$!
timeout 90 sh -c 'until [ -e up-1 ] && [ -e up-2 ]; do sleep 0.1; done'
berth who @who-names
same 'an abstract name of two workers: exit status 0' 0 "$status"
has 'it is held by more than one' 'and 1 more process' "$out"
for n in 1 2; do has "by worker $n" ", worker $n, task $n" "$out"; done
berth who "$PWD/own-2.sock" --json
same 'a path: its worker, in JSON' "null $PWD/own-2.sock 2 unix" \
	"$(printf '%s\n' "$out" | jq -r '"\(.port) \(.path) \(.holders[0].worker) \(.holders[0].sockets[0].protocol)"')"
kill $run
wait $run
berth who @who-names
same 'no one has the name: exit status 1' '1 @who-names: free' "$status $(printf '%s\n' "$out" | head -n 1)"
berth who 0
same 'not a port: exit status 125' 125 "$status"
berth mark 'a test'
same 'mark outside a run does nothing' "0" "$status$out$err"
finish
