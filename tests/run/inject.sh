#!/bin/sh
# SPDX-License-Identifier: MIT
# --inject: connections that are reset, servers that stall or die, each in its own worker, and what
# a suite sees of it.
. "$(dirname "$0")/lib.sh"

cat >suite.py <<'P'
import os, socket, sys, time
def serve():
    server = socket.create_server(("127.0.0.1", 3144))
    os.write(ready[1], b"x")
    while True:
        client, _ = server.accept()
        if not os.fork():
            try:
                while data := client.recv(100):
                    client.sendall(data)
            finally:
                os._exit(0)
        client.close()
def connect():
    client = socket.create_connection(("127.0.0.1", 3144), timeout=10)
    client.sendall(b"?")
    return client, client.recv(1)
ready = os.pipe()
server = os.fork()
if not server:
    os.setsid()
    serve()
os.read(ready[0], 1)
client, _ = connect()
kept = [connect()[0] for turn in range(2)]
said, slowest, end = set(), 0, time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    if said or slowest > 0.4:
        end = min(end, time.monotonic() + 0.2)  # it has seen what there is to see
    began = time.monotonic()
    try:
        client.sendall(b"?")
        if not client.recv(1):
            raise ConnectionError
    except ConnectionError as error:
        try:
            client, _ = connect()
            said.add("reset" if isinstance(error, ConnectionResetError) else "closed")
        except ConnectionError:
            said.update(["closed", "refused"])
            break
    slowest = max(slowest, time.monotonic() - began)
    time.sleep(0.02)
try:
    os.killpg(server, 9)
except ProcessLookupError:
    pass
with open("said" + os.environ["BERTH_WORKER"], "w") as file:
    print(*sorted(said), "slow" if slowest > 0.4 else "fast", file=file)
P
faults() { "$BERTH" run --tree shared "$@" >out 2>err; }
hits() { jq -r 'select(.type == "fault") | "w\(.worker) \(.fault) \(.hit)"' "$(ls -td $results/runs/*/ | head -n 1)events.ndjson" | sort | paste -sd,; }
said() { cat said1 said2 2>/dev/null | paste -sd,; rm -f said1 said2; }

"$BERTH" run --inject 3144@2s -- true 2>err; is 125 $? "what is no fault is refused"
has "$(cat err)" 'expected a fault such as reset:3101@2s' "and told what one is"
for bad in reset:3144 reset:0@1s reset:3144@1s/2s stall:3144@1s burn:3144@1s reset@3144:1s; do
	"$BERTH" run --inject $bad -- true 2>err; is 125 $? "no fault: $bad"
done

faults -n 2 -- python3 suite.py 0.5; is 0 $? "without a fault nothing happens"
is 'fast,fast' "$(said | sed 's/ fast/fast/g')" "and nothing is late"
if [ "$(id -u)" = 0 ]; then
	faults -n 2 --html r.html --inject reset:3144@8s -- python3 suite.py 20; is 0 $? "a suite that connects again recovers from a reset"
	is 'reset fast,reset fast' "$(said)" "each worker has seen one"
	is 'w1 reset:3144 3,w2 reset:3144 3' "$(hits)" "three connections of each worker were hit"
	has "$(cat err)" 'w2: fault reset:3144: 3 connections' "and Berth prints it"
	is 2 "$(grep -o '<title>fault reset:3144: 3 connections' r.html | wc -l)" "and marked in the timeline"
else
	faults -n 2 --inject reset:3144@8s -- python3 suite.py 5
	has "$(cat err)" 'w2: fault reset:3144: Operation not permitted' "a reset needs CAP_NET_ADMIN, and says so"
fi
faults -n 2 --inject stall:3144@8s/600ms -- python3 suite.py 20; is 0 $? "a server that stalls goes on"
is 'slow,slow' "$(said | sed 's/ slow/slow/g')" "its answer is late, and nothing else"
is 'w1 stall:3144 4,w2 stall:3144 4' "$(hits)" "it was stopped with its three children"
faults -n 2 --inject kill:3144@8s -- python3 suite.py 20; is 0 $? "a suite may live on without its server"
is 'closed refused fast,closed refused fast' "$(said)" "which refuses connections when it is killed"
faults -n 2 --inject kill:3144@300ms --inject stall:3144@400ms/10h -- sleep 0.8; is 0 $? "a fault without a victim does nothing"
is 'w1 kill:3144 0,w1 stall:3144 0,w2 kill:3144 0,w2 stall:3144 0' "$(hits)" "which is in the record"
has "$(cat err)" 'w1: fault kill:3144: the worker has no port 3144 of its own' "and told"

# servers of the host are never touched
python3 -c 'import socket, time
server = socket.create_server(("127.0.0.1", 3145))
while True: server.accept()[0].close()' & host=$!
faults -n 2 --share 3145 --inject kill:3145@200ms -- sleep 0.5
kill -0 $host 2>/dev/null; is 0 $? "a server that is shared with the host survives"
kill $host
finish
