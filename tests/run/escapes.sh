#!/bin/sh
# SPDX-License-Identifier: MIT
# No program leaves its worker without a word: each way out is closed, or the run names the program,
# and --strict makes it 120.
. "$(dirname "$0")/lib.sh"
chmod 711 "$top/runtime"

cat >server.py <<'P'
import socket, time
server = socket.create_server(("127.0.0.1", 3771))
print("own", flush=True)
time.sleep(1)
P
# own SENTENCE BACKEND COMMAND...: two workers at once have the port
own() {
	sentence=$1 backend=$2; shift 2
	"$BERTH" run -n 2 --backend "$backend" --tree shared -- "$@" >out 2>err
	is '0 w1 | own w2 | own ' "$? $(sort out | tr '\n' ' ')" "$sentence"
	lacks "$(cat err)" 'cannot enter|left the worker' "$sentence, and the run has nothing to say"
}
# named SENTENCE PATTERN COMMAND...: a line names it under preload, and --strict makes it 120
named() {
	sentence=$1 pattern=$2; shift 2
	$user "$BERTH" run --strict --backend preload --tree shared -- "$@" >out 2>err
	is 120 $? "$sentence: 120 with --strict"
	has "$(cat err)" "$pattern" "$sentence is named"
}
user=

# ---- another root directory ----
if ! bwrap --ro-bind / / true 2>err; then
	skip 'a program with another root directory' "bwrap: $(head -n 1 err)"
else
	box="bwrap --ro-bind / / --tmpfs $top --proc /proc --dev /dev --"
	named 'a program that another root directory hides the port map from' \
		"started '/usr/bin/env', which the shim cannot enter: it runs where the shim or the port map cannot be read" \
		$box /usr/bin/env true
	for backend in bpf seccomp; do
		"$BERTH" run -n 2 --backend $backend --tree shared -- sh -c "$box printf own 2>&1" >out 2>err || {
			skip "another root directory under $backend" "$(tail -n 1 err)"; continue; }
		is 'w1 | own w2 | own ' "$(sort out | tr '\n' ' ')" "no line of the loader under $backend"
	done
fi

# ---- another user ----
if [ "$(id -u)" = 0 ]; then
	as="setpriv --reuid nobody --regid nogroup --clear-groups"
	own 'a program that becomes another user has the port of the worker' preload $as /usr/bin/python3 "$PWD/server.py"
	chmod 700 "$top/runtime"
	named 'a program that becomes another user, who may not read the port map' \
		"started '.*env', which the shim cannot enter: it runs where" $as env true
	chmod 711 "$top/runtime"
fi

# ---- connections that only the monitor saw ----
cat >outside.py <<'P'
import socket, subprocess, sys
server = socket.create_server(("127.0.0.1", 3773))
sys.exit(subprocess.run(sys.argv[1:]).returncode)
P
cat >past.py <<'P'
import ctypes, socket, struct, time
libc = ctypes.CDLL("libc.so.6")
libc.dlvsym.restype, libc.dlvsym.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
at = libc.dlvsym(libc._handle, b"connect", b"GLIBC_2.2.5") or libc.dlvsym(libc._handle, b"connect", b"GLIBC_2.17")
connect = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)(at)
s = socket.socket()
connect(s.fileno(), struct.pack("=HHI8x", 2, socket.htons(3773), socket.htonl(0x7f000001)), 16)
time.sleep(1)
P
python3 outside.py "$BERTH" run -n 2 --backend preload --tree shared --foreign fail --leaks off -- python3 past.py >out 2>err
status=$?
if [ "$(id -u)" = 0 ]; then
	is 122 $status 'a connection that passes the shim is seen by the monitor'
	has "$(cat err)" 'w1 w2: connection to a server outside the run: connected to port 3773 of .*outside.py' 'and named'
else
	skip 'a connection that passes the shim' 'only the eBPF monitor sees it'
fi
cat >plain.py <<'P'
import socket
socket.create_connection(("127.0.0.1", 3773))
P
python3 outside.py "$BERTH" run -n 2 --tree shared -- python3 plain.py >out 2>err
is 1 "$(grep -c 3773.*outside err)" 'a connection that backend and monitor saw is one line'
has "$(cat err)" '^hint: --port 3773 gives every worker' 'with the option that makes it the own server'

# ---- programs that cannot be read ----
cp "${BERTH_OUT:-$here/../../.out}/tests/shim-static/tcp4" closed
chmod 111 closed
if [ "$(id -u)" = 0 ]; then
	"$BERTH" run -n 2 --strict --backend preload --tree shared -- ./closed >out 2>err
	is 0 $? 'a static program that may not be read has the port of the worker'
	mkdir "$top/plain" && mv closed "$top/plain" && cd "$top/plain" && chown -R nobody .
	user="setpriv --reuid nobody --regid nogroup --clear-groups env HOME=$top/plain XDG_RUNTIME_DIR= XDG_STATE_HOME=$top/plain/state"
fi
named 'a static program that a plain user may not read' "'closed' left the worker: its memory cannot be read" ./closed
finish
