#!/bin/sh
# SPDX-License-Identifier: MIT
# A suite's scripts use lsof, fuser, ss and netstat: they find the server of a port, stop it, wait
# until the port is free. They see the worker's own server only, though its neighbours and the host
# serve the same port.
. "$(dirname "$0")/lib.sh"

cat >serve.py <<'PY'
import os, socket, sys, time
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 3101)); s.listen()
u = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); u.bind(("::1", 3103))
open(sys.argv[1], "w").close()
time.sleep(600)
PY
cat >syscall.py <<'PY'
import ctypes, platform, sys
words = [word.encode() for word in sys.argv[1:]]
number = {"x86_64": 59, "aarch64": 221}[platform.machine()] # execve(2)
ctypes.CDLL(None).syscall(ctypes.c_long(number), words[0], (ctypes.c_char_p * (len(words) + 1))(*words, None),
                          (ctypes.c_char_p * 1)(None))
PY
cat >suite.sh <<'SH'
python3 serve.py "up.$BERTH_WORKER" & server=$!
until [ -e "up.$BERTH_WORKER" ]; do sleep 0.02; done
tell() { [ "$2" = "$3" ] && echo "$1 ok" || echo "$1 want '$2' got '$3'"; }
tell lsof $server "$(lsof -ti:3101)"
tell fuser $server "$(fuser 3101/tcp 2>/dev/null | tr -d ' ')"
tell fuser-udp $server "$(fuser -n udp 3103 2>/dev/null | tr -d ' ')"
tell ss 127.0.0.1:3101 "$(ss -Hltn 'sport = :3101' | awk '{ print $4 }')"
tell ss-udp '[::1]:3103' "$(ss -Hlun 'sport = :3103' | awk '{ print $4 }')"
tell netstat 127.0.0.1:3101 "$(netstat -ltn | awk '/:3101 / { print $4 }')"
tell env-i $server "$(env -i "$(command -v lsof)" -ti:3101)"
tell syscall $server "$(python3 syscall.py "$(command -v lsof)" -ti:3101)"
exec 3<>/dev/tcp/127.0.0.1/3101
tell client '->127.0.0.1:3101' "$(lsof -nP -a -p $$ -i:3101 -Fn | sed -n 's/^n.*->/->/p')"
exec 3<&-
lsof -ti:3101 | xargs -r kill
wait $server
tell killed 143 $?
tell gone '' "$(lsof -ti:3101 -sTCP:LISTEN; fuser 3101/tcp 2>/dev/null; ss -Hltn 'sport = :3101')"
python3 serve.py "again.$BERTH_WORKER" & server=$!
until [ -e "again.$BERTH_WORKER" ]; do sleep 0.02; done
fuser -sk 3101/tcp
wait $server 2>/dev/null
tell fuser-killed 137 $?
SH
mkdir host && (cd host && exec python3 ../serve.py up) & host=$!
trap 'kill $host 2>/dev/null; cd /; rm -rf "$top"' EXIT
wait_for 10 [ -e host/up ]

want=$(printf '%s ok\n' lsof fuser fuser-udp ss ss-udp netstat env-i syscall client killed gone fuser-killed)
for backend in preload seccomp bpf; do
	if ! "$BERTH" version | grep -q "^  $backend *works here"; then
		skip "$backend" "$("$BERTH" version | sed -n "s/^  $backend *//p")"
		continue
	fi
	rm -f up.* again.*
	"$BERTH" run -n 3 --backend "$backend" --tree shared -- bash suite.sh >out 2>err
	for worker in 1 2 3; do
		is "$want" "$(sed -n "s/^w$worker | //p" out)" "$backend, worker $worker: tools find, stop and miss its own server"
	done
done
kill -0 $host; report $? "the host's server on the same port lives"
kill $host; wait $host 2>/dev/null

# A shell of berth env is in no worker's cgroup: the shim rewrites there, the kernel in the worker.
# shellcheck disable=SC2016 # the worker's shell expands
"$BERTH" run -n 2 --db postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db --tree shared -- \
	sh -c 'exec python3 serve.py "up.db.$BERTH_WORKER"' >out 2>err & run=$!
trap 'kill $run 2>/dev/null; cd /; rm -rf "$top"' EXIT
wait_for 30 [ -e up.db.2 ]
reached=$(eval "$("$BERTH" env -w 2)"; bash -c 'exec 3<>/dev/tcp/127.0.0.1/3101 && echo reached' 2>&1)
is reached "$reached" "berth env leads to the worker's server, with a database too"
kill $run; wait $run
none_left && no_files; report $? "nothing is left of all this"
finish
