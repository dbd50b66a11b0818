#!/bin/sh
# SPDX-License-Identifier: MIT
# Each backend treats the same cases alike: a server outside of the run, addressed in every way; a
# block that is used up.
[ "$(id -u)" != 0 ] || [ -n "${ALONE-}" ] || ALONE=1 exec "$(dirname "$0")/../shim/alone" "$0" # no other test has its ports
. "$(dirname "$0")/lib.sh"

cat >outside.py <<'PY'
import ctypes, errno, socket, struct
there = ("127.0.0.1", 3977)
class Part(ctypes.Structure): _fields_ = [("base", ctypes.c_char_p), ("len", ctypes.c_size_t)]
class Message(ctypes.Structure): # struct mmsghdr
    _fields_ = [("name", ctypes.c_char_p), ("name_len", ctypes.c_uint32), ("parts", ctypes.POINTER(Part)), ("count", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("control_len", ctypes.c_size_t), ("flags", ctypes.c_uint64), ("len", ctypes.c_uint32)]
def message(port):
    name = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + socket.inet_aton("127.0.0.1") + bytes(8)
    return Message(name, len(name), ctypes.pointer(Part(b"x", 1)), 1)
def sendmmsg(*ports):
    sent = ctypes.CDLL(None, use_errno=True).sendmmsg(own.fileno(), (Message * len(ports))(*map(message, ports)), len(ports), 0)
    if sent < 0: raise OSError(ctypes.get_errno(), "sendmmsg")
    return sent
def udp(): return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own = udp(); own.bind(("127.0.0.1", 3978))
for call in (lambda: socket.create_connection(there, 2) and 0, lambda: udp().connect(there) or 0, lambda: udp().sendto(b"x", there),
             lambda: udp().sendmsg([b"x"], [], 0, there), lambda: sendmmsg(3977), lambda: sendmmsg(3978, 3977)):
    try:
        print(call(), end=" ")
    except OSError as error:
        print(errno.errorcode[error.errno], end=" ")
PY
cat >full.py <<'PY'
import errno, socket
def bound(kind, first):
    keep = []
    try:
        for port in range(first, first + 40):
            s = socket.socket(socket.AF_INET, kind); s.bind(("127.0.0.1", port)); keep.append(s)
    except OSError as error:
        print(len(keep), errno.errorcode[error.errno], end=" ")
    return keep
datagrams = bound(socket.SOCK_DGRAM, 4900); streams = bound(socket.SOCK_STREAM, 4000)
print({s.getsockname()[1] - 4900 for s in datagrams} == set(range(40)))
PY
cat >server.py <<'PY'
import socket, subprocess, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 3977)); s.listen()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 3977))
sys.exit(subprocess.run(sys.argv[1:]).returncode)
PY
cat >flood.py <<'PY'
import socket
held = []
for port in range(7001, 7201):
    s = socket.socket(); held.append(s)
    try: s.bind(("127.0.0.1", port))
    except OSError: pass
for port in range(7301, 7341):
    socket.socket().connect_ex(("127.0.0.1", port))
PY
# a server under an abstract name, and its client
cat >own_name.py <<'PY'
import os, socket, sys, time
token = os.environ["BERTH_WORKER"].encode()
s = socket.socket(socket.AF_UNIX); s.bind("\0border-own"); s.listen()
time.sleep(0.5)
c = socket.socket(socket.AF_UNIX); c.connect("\0border-own")
p = s.accept()[0]; p.sendall(token)
print(c.recv(9) == token, s.getsockname() == c.getpeername() == b"\0border-own"); time.sleep(0.5)
PY
# servers of the host under a name and on an ephemeral port
cat >host.py <<'PY'
import socket, subprocess, sys
n = socket.socket(socket.AF_UNIX); n.bind("\0border-host"); n.listen()
d = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d.bind("\0border-datagrams")
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 50057)); s.listen()
sys.exit(subprocess.run(sys.argv[1:]).returncode)
PY
cat >visit.py <<'PY'
import errno, socket
def ask(call, *arguments):
    try: call(*arguments); return "reached"
    except OSError as e: return errno.errorcode[e.errno]
def served(bind):
    s = socket.socket()
    if bind: s.bind(("127.0.0.1", 0))
    s.listen()
    return ask(socket.create_connection, ("127.0.0.1", s.getsockname()[1]))
auto = socket.socket(socket.AF_UNIX); auto.bind(""); auto.listen()
print(ask(socket.socket(socket.AF_UNIX).connect, "\0border-host"),
      ask(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto, b"x", "\0border-datagrams"),
      ask(socket.create_connection, ("127.0.0.1", 50057)),
      ask(socket.socket(socket.AF_UNIX).connect, auto.getsockname()), served(True), served(False))
PY
for backend in preload seccomp bpf; do
	if ! "$BERTH" version | grep -q "^  $backend *works here"; then
		skip "$backend" "$("$BERTH" version | sed -n "s/^  $backend *//p")"
		continue
	fi
	python3 server.py "$BERTH" run --backend "$backend" -- python3 outside.py >out 2>err
	is "0 0 1 1 1 2 " "$(cat out)" "$backend: a stream and datagrams to a server outside go there"
	has "$(cat err)" 'connected to TCP port 3977 outside of the run' "$backend: and Berth prints it"
	has "$(cat err)" 'connected to UDP port 3977 outside of the run' "$backend: datagrams as well"
	python3 server.py "$BERTH" run --backend "$backend" --strict -- python3 outside.py >out 2>err
	is "ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED 1 " "$(cat out)" "$backend --strict: they are refused, each of them"
	"$BERTH" run -n 3 --backend "$backend" -- python3 own_name.py >out 2>err
	is "True True True True True True " "$(sed 's/.*| //' out | tr '\n' ' ')" "$backend: each worker has its own server under an abstract name"
	python3 host.py "$BERTH" run --backend "$backend" -- python3 visit.py >out 2>err
	is "reached reached reached reached reached reached" "$(cat out)" "$backend: the host's names and ephemeral ports are within reach"
	has "$(cat err)" 'connected to abstract socket @border-host outside of the run: .*python3 host.py.* \(pid [0-9]+\)' "$backend: a name is reported"
	has "$(cat err)" 'connected to abstract socket @border-datagrams outside of the run' "$backend: that of datagrams as well"
	has "$(cat err)" 'connected to TCP port 50057 outside of the run' "$backend: and an ephemeral port"
	is 3 "$(grep -c 'outside of the run' err)" "$backend: but nothing of the worker's own"
	python3 host.py "$BERTH" run --backend "$backend" --strict -- python3 visit.py >out 2>err
	is "ECONNREFUSED ECONNREFUSED ECONNREFUSED reached reached reached" "$(cat out)" "$backend --strict: the host's are refused, the worker's own are not"
	has "$(cat err)" 'was refused abstract socket @border-host' "$backend --strict: and a refused name is reported"
	"$BERTH" run --backend "$backend" --block 32 -- python3 full.py >out 2>err
	is "24 EADDRINUSE True" "$(cat out)" "$backend: 8 ports of 32 for datagrams, 24 for streams, then EADDRINUSE"
	has "$(cat err)" 'block of 32 is exhausted.*--block' "$backend: and the size of the block is named"
	"$BERTH" run -n 2 --backend "$backend" --strict --block 32 -- python3 flood.py 2>err >out
	is 1 "$(grep -c 'is exhausted' err)" "$backend: one line says that blocks are exhausted"
	has "$(cat err)" '^berth: (w1 w2|w2 w1): .*is exhausted .*, and [0-9]{2,} more of this kind$' "$backend: it names each worker once, and counts"
	is 8 "$(grep -c 'was refused TCP port' err)" "$backend: a few refused connections are named"
	has "$(cat err)" '^berth: (w1 w2|w2 w1): was refused TCP port .*, and [0-9]{2,} more of this kind$' "$backend: the others are counted"
done
finish
