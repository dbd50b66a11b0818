#!/bin/sh
# ps, env, explain and reap while a run is live. The worker is a server that waits for us.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

berth ps
same 'no run' '0 no run' "$status $out"
berth ps --json
same 'no run in JSON' '[]' "$out"
berth env -w 1
same 'env without a run' '1 berth: no run is live' "$status $err"
berth env -w 1 --run ffff
same 'env of a run that is not there' "1 berth: no run 'ffff'
hint: berth ps" "$status $err"
berth reap
same 'nothing to reap' '0 nothing to reap' "$status $out"
berth reap --dry-run
same 'nothing to reap, dry' '0 nothing to reap' "$status $out"

cat >server.py <<'P'
import os, socket
server = socket.socket()
server.bind(('127.0.0.1', 3101))
server.listen()
for port in range(7001, 7031):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.bind(('127.0.0.1', port))
open(os.environ['READY'] + os.environ['BERTH_WORKER'], 'w').close()
server.settimeout(60)
while True:
    client, _ = server.accept()
    if client.recv(4) == b'stop':
        break
    client.sendall(b'worker ' + os.environ['BERTH_WORKER'].encode())
    client.close()
P
cat >client.py <<'P'
import socket, sys
client = socket.create_connection(('127.0.0.1', 3101), timeout=20)
client.sendall(sys.argv[1].encode())
print(client.recv(100).decode())
P
printf 'port: [3101, 4444]\nshare: 5555\n' >berth.yaml
READY="$work/ready" "$BERTH" run -n 2 --tree shared -- python3 server.py >"$work/run.log" 2>&1 &
run=$!
tries=0
running() { berth ps --json; [ "$(printf '%s' "$out" | jq '[.[0].workers[]? | select(.status == "running")] | length')" = 2 ]; }
while [ ! -e "$work/ready1" ] || [ ! -e "$work/ready2" ] || ! running; do
	tries=$((tries + 1))
	if [ $tries -gt 200 ]; then cat "$work/run.log"; echo 'Bail out! the servers did not start'; exit 1; fi
	timeout 0.1 tail -f /dev/null
done

berth ps --json
id=$(printf '%s' "$out" | jq -r '.[0].run')
real=$(printf '%s' "$out" | jq -r '.[0].workers[1].ports[] | select(.virtual == 3101) | .real')
same 'ps --json has run, workers and ports' '[2,"running",true,true]' \
	"$(printf '%s' "$out" | jq -c '.[0] | [(.workers | length), .workers[0].status, .alive, (.workers[0].ports | map(.virtual) | contains([3101, 4444, 7001]))]')"
berth ps
has 'ps names the columns of a run' 'RUN NAME AGE BACKEND TREE PROJECT COMMAND' "$(printf '%s' "$out" | tr -s ' ')"
has 'ps names the columns of a worker' 'WORKER TASK STATUS PID REAL PORTS VIRTUAL->REAL' "$(printf '%s' "$out" | tr -s ' ')"
has 'ps shows the run' "$id  " "$out"
has 'ps shows the real port' "3101->$real" "$out"
lacks 'ps shows no port that was closed' '7001->' "$out"
lacks 'nor one that was never bound' '4444->' "$out"
berth ps --all
has 'ps --all shows closed ports' '7001->' "$out"
has 'and the declared ones' '4444->' "$out"
berth ps --json
same 'JSON says which listen' '[3101]' "$(printf '%s' "$out" | jq -c '.[0].workers[0].ports | map(select(.listening) | .virtual)')"
berth ps
has 'ps shows the command' 'python3 server.py' "$out"

berth env -w 2
has 'env has the variables' "export BERTH_WORKER=2" "$out"
has 'env has the ports' "# port 3101  is $real  bound" "$out"
same 'its output can be evaluated, and leads to that worker' 'worker 2' "$(eval "$out"; python3 client.py ping)"
berth env --json -w 2
same 'env --json' "[\"2\",$real]" "$(printf '%s' "$out" | jq -c '[.environment.BERTH_WORKER, .ports[0].real]')"
berth env
same 'env wants a worker' "125 berth: run $id has 2 workers: choose one with -w N
hint: berth ps" "$status $err"
berth env -w 9
same 'a worker that is not there' "125 berth: run $id has no worker '9': it has 2
hint: berth ps" "$status $err"

berth who "$real" --json
same 'who of a real port: run, worker, and what that calls it' "$id 2 3101" \
	"$(printf '%s' "$out" | jq -r '.holders[0] | "\(.run) \(.worker) \(.virtual_port)"')"
berth who 3101 --json
same 'who of a virtual port: the workers, with their real ones' "[[1,true],[2,true]] $real" \
	"$(printf '%s' "$out" | jq -c --arg run "$id" '[.virtual_in[] | select(.run == $run)] | sort_by(.worker) | [.[] | [.worker, .held]]') $(
		printf '%s' "$out" | jq --arg run "$id" '.virtual_in[] | select(.run == $run and .worker == 2) | .real_port')"

berth explain 3101
has 'explain a declared port' '3101 is declared (berth.yaml:1)' "$out"
has 'and what it is really' "w2  2  3101 is really $real (declared, bound)" "$out"
berth explain "$real"
has 'explain a real port' "$real is what the suite calls 3101 (bound)" "$out"
berth explain 5555
has 'explain a shared port' '5555 is shared (berth.yaml:2)' "$out"
berth explain 4000 --json
same 'explain --json' '"undeclared"' "$(printf '%s' "$out" | jq -c .kind)"
berth explain "$(cut -f1 /proc/sys/net/ipv4/ip_local_port_range)"
has 'explain an ephemeral port' 'is ephemeral' "$out"

berth reap
same 'a live run is not reaped' '0 nothing to reap' "$status $out"
for worker in 1 2; do
	berth env -w $worker
	(eval "$out"; python3 client.py stop >/dev/null)
done
wait $run
same 'the run ends well' 0 $?
berth ps
same 'and is gone' 'no run' "$out"

"$BERTH" run --tree shared -- sh -c ': >"$1"; exec sleep 60' sh "$work/ready3" >"$work/run.log" 2>&1 &
run=$!
while [ ! -e "$work/ready3" ]; do timeout 0.05 tail -f /dev/null; done
guard=$(pgrep -P $run -x berth-guard)
kill -9 "$guard" $run
wait $run 2>/dev/null
tries=0
while kill -0 "$guard" 2>/dev/null && [ $tries -lt 100 ]; do tries=$((tries + 1)); timeout 0.05 tail -f /dev/null; done
id=$(ls "$XDG_RUNTIME_DIR/berth")
berth env --run "$id"
same 'env of a run that was killed: not of whoever has its numbers now' "1 berth: run '$id' is dead: its supervisor was killed
hint: berth reap" "$status $err"
berth reap
finish
