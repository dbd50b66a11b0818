#!/bin/sh
# SPDX-License-Identifier: MIT
# Real ports: never shared between runs that start at once, free, stable, listed; clients that come
# before their server; servers outside of the run.
[ -n "${ALONE-}" ] || [ "$(id -u)" != 0 ] || ALONE=1 exec "$(dirname "$0")/../shim/alone" "$0" # strangers are of our own making
. "$(dirname "$0")/lib.sh"

# 10 runs at the same instant, 64 workers in all; each worker binds, writes its real ports, and
# stays
cat >hold.py <<'PY'
import mmap, os, socket, struct, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 3101)); s.listen()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 3103))
assert s.getsockname()[1] == 3101 and u.getsockname()[1] == 3103
print("up", flush=True)
end = time.time() + 60
while time.time() < end and not os.path.exists("go"):
    time.sleep(0.05)
PY
python3 - "$BERTH" >starts.out 2>&1 <<'PY'
import json, os, subprocess, sys, time
sizes = [6] * 9 + [10]
runs = [subprocess.Popen([sys.argv[1], "run", "-n", str(n), "--tree", "shared", "--", "python3", "hold.py"],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for n in sizes]
up = 0
for run, n in zip(runs, sizes):
    for _ in range(n):
        up += run.stdout.readline().endswith(b"up\n")
end, entries = time.time() + 20, []
while time.time() < end and len(entries) < 128:
    entries = json.load(open(os.environ["results"] + "/allocated-ports.json"))
    time.sleep(0.05)
real = [(e["proto"], e["real"]) for e in entries]
blocks = {(e["run"], e["worker"]): e["real"] // 32 for e in entries}
print("up", up, "entries", len(entries), "distinct", len(set(real)), "blocks", len(set(blocks.values())))
open("go", "w")
print("statuses", sorted({run.wait(30) for run in runs}), flush=True)
PY
is "up 64 entries 128 distinct 128 blocks 64" "$(head -1 starts.out)" "10 runs with 64 workers, started at once, share no port and no block"
is "statuses [0]" "$(tail -1 starts.out)" "and all of them pass"
is "[]" "$(tr -d ' \n' <$results/allocated-ports.json)" "allocated-ports.json is empty afterwards, and valid"

# stability, and blocks in use
block() { sed -n 's/.*"real": \([0-9]*\).*/\1/p' "$1" | head -1; }
"$BERTH" run --port 4000 -- sh -c 'cat $results/allocated-ports.json' >one 2>err
"$BERTH" run --port 4000 -- sh -c 'cat $results/allocated-ports.json' >two 2>err
is "$(block one)" "$(block two)" "the same task of the same project gets the same block again"
is 1 "$(grep -c '"virtual": 4000' one)" "a declared port is listed before the suite's first instruction"
PROJECT_NAME=other "$BERTH" run --port 4000 -- sh -c 'cat $results/allocated-ports.json' >three 2>err
[ "$(block one)" != "$(block three)" ]; report $? "another task gets another block"
python3 - "$BERTH" "$(block one)" >four 2>err <<'PY'
import os, socket, subprocess, sys
s = socket.socket(); s.bind(("127.0.0.1", int(sys.argv[2]) + 7)); s.listen()
sys.exit(subprocess.run([sys.argv[1], "run", "--port", "4000", "--", "cat", os.environ["results"] + "/allocated-ports.json"]).returncode)
PY
[ -n "$(block four)" ] && [ "$(block one)" != "$(block four)" ]; report $? "a block in which a stranger listens is passed over"

# a client that comes before its server: refused, though a neighbour and an outsider listen on that
# number
cat >early.py <<'PY'
import os, socket, sys, time
def connect():
    try:
        socket.create_connection(("127.0.0.1", 3101), 2).close()
        return "connected"
    except ConnectionRefusedError:
        return "refused"
if os.environ["BERTH_WORKER"] == "1":
    s = socket.socket(); s.bind(("127.0.0.1", 3101)); s.listen()
    print("1", connect(), flush=True); open("neighbour", "w")
    end = time.time() + 20
    while time.time() < end and not os.path.exists("asked"): time.sleep(0.02)
else:
    end = time.time() + 20
    while time.time() < end and not os.path.exists("neighbour"): time.sleep(0.02)
    print("2", connect(), flush=True)
    s = socket.socket(); s.bind(("127.0.0.1", 3101)); s.listen()
    print("2", connect(), flush=True); open("asked", "w")
PY
python3 - "$BERTH" >early.out 2>err <<'PY'
import socket, subprocess, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 3101)); s.listen()
subprocess.run([sys.argv[1], "run", "-n", "2", "--tree", "shared", "--port", "3101", "--", "python3", "early.py"])
PY
is "w1 | 1 connected|w2 | 2 connected|w2 | 2 refused|" "$(sort early.out | tr '\n' '|')" \
	"a client before its server is refused, with a neighbour and an outsider listening"

# an outsider that takes a real port between the plan and the bind: survived and named
cat >steal.py <<'PY'
import json, os, socket, subprocess, sys, time
real = [e["real"] for e in json.load(open(os.environ["results"] + "/allocated-ports.json")) if e["virtual"] == 3101][0]
env = {k: v for k, v in os.environ.items() if not k.startswith("BERTH") and k != "LD_PRELOAD"}
open("steal", "w").write(str(real))
end = time.time() + 20
while time.time() < end and not os.path.exists("stolen"): time.sleep(0.02)
s = socket.socket(); s.bind(("127.0.0.1", 3101)); s.listen()
socket.create_connection(("127.0.0.1", 3101), 2).close()
print("served on", s.getsockname()[1])
PY
python3 - "$BERTH" >steal.out 2>steal.err <<'PY'
import os, socket, subprocess, sys, time
run = subprocess.Popen([sys.argv[1], "run", "--port", "3101", "--", "python3", "steal.py"])
end = time.time() + 20
while time.time() < end and not (os.path.exists("steal") and os.path.getsize("steal")): time.sleep(0.02)
s = socket.socket(); s.bind(("127.0.0.1", int(open("steal").read()))); s.listen()
open("stolen", "w")
sys.exit(run.wait(30))
PY
is 0 $? "a real port that an outsider stole: the worker passes all the same"
is "served on 3101" "$(cat steal.out)" "it took its next real port, and still calls it 3101"
has "$(cat steal.err)" 'TCP port 3101 moved on: a process outside of the run holds real port 2[0-9]+' "and the theft is named"

# a wrong server: a connection to an outsider is reported, failed by --foreign fail, refused by
# --strict
cat >foreign.py <<'PY'
import socket, sys
try:
    socket.create_connection(("127.0.0.1", 3977), 2).close()
except ConnectionRefusedError:
    sys.exit(44)
PY
python3 - "$BERTH" >foreign.out 2>foreign.err <<'PY'
import socket, subprocess, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 3977)); s.listen()
def run(*more): print(subprocess.run([sys.argv[1], "run", *more, "--", "python3", "foreign.py"]).returncode, flush=True)
run(); run("--foreign", "fail"); run("--foreign", "off"); run("--strict"); run("--share", "3977", "--foreign", "fail")
PY
is "0 122 0 44 0" "$(tr '\n' ' ' <foreign.out | sed 's/ $//')" "a foreign connection: warned, 122, ignored, refused, shared"
has "$(cat foreign.err)" 'connected to TCP port 3977 outside of the run: .*python3.* \(pid [0-9]+\)' "the wrong server is named"
cat >own.py <<'PY'
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
socket.create_connection(s.getsockname(), 2).close()
try: socket.create_connection(("127.0.0.1", 3978), 2)
except ConnectionRefusedError: pass
import time; time.sleep(0.5)
PY
"$BERTH" run --foreign fail -- python3 own.py 2>err; is 0 $? "its own server on port 0, or a port without a server: nothing foreign"

# learned ports are declared in the next run of the same command
cat >learn.py <<'PY'
import json, os, socket
print([e["virtual"] for e in json.load(open(os.environ["results"] + "/allocated-ports.json"))])
s = socket.socket(); s.bind(("127.0.0.1", 3555))
PY
"$BERTH" run -- python3 learn.py >out 2>err; is "[]" "$(cat out)" "an undeclared port is unknown in the first run"
"$BERTH" run -- python3 learn.py >out 2>err; is "[3555]" "$(cat out)" "and declared in the second"
"$BERTH" run -- sh -c 'python3 learn.py' >out 2>err; is "[]" "$(cat out)" "but not for another command"

cat >full.py <<'PY'
import errno, socket
keep = []
try:
    for port in range(4000, 4040):
        s = socket.socket(); s.bind(("127.0.0.1", port)); keep.append(s)
except OSError as error:
    print(len(keep), errno.errorcode[error.errno])
PY
"$BERTH" run --block 32 -- python3 full.py >out 2>err; is "32 EADDRINUSE" "$(cat out)" "the 33rd port of a block of 32: EADDRINUSE"
has "$(cat err)" 'block of 32 is exhausted.*--block' "and the block size is named"
"$BERTH" run --block 40 -- python3 full.py >out 2>err; is "" "$(cat out)" "--block 40 is enough"
sed 's/4040/4160/' full.py >many.py
"$BERTH" run -n 4 -- python3 many.py >out 2>err; is "" "$(cat out)" "four workers may use 160 ports each and need not say so"
"$BERTH" run --range 20000-20511 -n 4 --output quiet -- sh -c '[ {worker} != 1 ] || "$0" run --range 20000-20511 -n 10 -- true' "$BERTH" 2>err
is 0 $? "where runs fill the range, their blocks are smaller"

# one block, with ports that the run before left in TIME_WAIT: a server without SO_REUSEADDR binds
# again
cat >again.py <<'PY'
import socket
def bound(reuse):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse); s.bind(("127.0.0.1", 3101))
    return s
bound(1).close(); bound(0).close()
server = bound(1); server.listen()
client = socket.create_connection(("127.0.0.1", 3101), 2)
server.accept()[0].close(); client.recv(1)
PY
"$BERTH" run --range 21216-21247 -- python3 again.py 2>err && "$BERTH" run --range 21216-21247 -- python3 again.py 2>>err
is 0 $? "where every block has ports in TIME_WAIT, the worker gets the others"

none_left && no_files; report $? "nothing is left of all this"
finish
