#!/bin/sh
# berth monitor: live events of a run, of a process that runs already with its descendants, and of the whole machine.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

berth monitor --all --pid 1
same 'one of the three' '125 berth: choose one of --run, --pid and --all' "$status $(printf '%s\n' "$err" | head -n 1)"
berth monitor --pid 4194304
if printf '%s' "$err" | grep -q '^hint: sudo berth monitor$'; then # eBPF does not load; there is nothing else that is live
	same 'without eBPF: exit status 1' 1 "$status"
	skip 'live events' 'needs eBPF'
	finish
fi
same 'a process that is not there' '1 berth: unable to watch process 4194304: No such process' "$status $err"

# a server with a child, which serve one connection each on a command, and end
cat >server.py <<'P'
import os, socket, sys
kept = socket.create_server(("127.0.0.1", 3155))
child = os.fork()
server = socket.create_server(("127.0.0.1", 3156)) if not child else kept
open("ready%d" % bool(child), "w").close()
client, _ = server.accept()
client.recv(1)
client.close()
if child:
    os.wait()
P
cat >talk.py <<'P'
import socket, sys
for port in 3155, 3156:
    client = socket.create_connection(("127.0.0.1", port))
    client.send(b"x")
    client.recv(1)
P
until_ok() { # COMMAND...
	tries=0
	until "$@" || [ $tries = 200 ]; do
		tries=$((tries + 1))
		timeout 0.05 tail -f /dev/null
	done
}
python3 server.py &
server=$!
until_ok [ -e ready0 ]
until_ok [ -e ready1 ]
"$BERTH" monitor --pid $server >events 2>end &
monitor=$!
until_ok grep -q 3156 events
has 'sockets that are open already are listed' '127.0.0.1:3155, listens' "$(grep 'open already' events)"
has "those of the process's children as well" '127.0.0.1:3156, listens' "$(grep 'open already' events)"
same 'one that both have is listed once' 1 "$(grep -c '3155, listens' events)"
python3 talk.py
wait $server
wait $monitor
same 'it ends with the last process' 0 $?
same 'connections that arrive at them are seen' '3155 3156' \
	"$(sed -n 's/.* accepted 127.0.0.1:\([0-9]*\) .*/\1/p' events | sort | paste -sd' ')"
same 'and the ends of both processes' 2 "$(grep -c 'exited with status 0' events)"
lacks 'other processes are not shown' 'connected' "$(cat events)"
same 'at the end it says what was lost' 'berth: 0 events lost, 0 calls missed' "$(cat end)"

"$BERTH" monitor --all --json >events 2>end &
monitor=$!
listens() { # by a name that is no text, and that a terminal would obey
	python3 -c 'import socket; open("/proc/self/comm", "wb").write(b"x\xe9\x1b"); socket.create_server(("127.0.0.1", 0))'
	grep -q '"listening".*"x' events # others on the machine are seen earlier
}
until_ok listens
kill -INT $monitor
wait $monitor
same 'the whole machine, as JSON' true "$(jq -s 'any(.[]; .event == "listening" and (.local // "" | startswith("127.0.0.1:")))' events)"
same 'whatever a process is called' true "$(jq -s 'any(.[]; .event == "listening" and .name == "x? ")' events)"

mkdir other
for dir in . other; do
	(cd $dir && exec "$BERTH" run -- sh -c ': >"$1"; exec timeout 20 tail -f /dev/null' sh "$work/home/up-$dir") &
	runs="${runs-} $!"
	until_ok [ -e "$work/home/up-$dir" ]
done
status=0
timeout -s INT 1 "$BERTH" monitor >events 2>end || status=$?
same 'of several runs the one of this project' '124 berth: 0 events lost, 0 calls missed' "$status $(cat end)"
kill $runs
wait $runs

# the suite's port, with the real one beside it, whether the call succeeds or not
cat >twice.py <<'P'
import os, socket, time
open("up", "w").close()
while not os.path.exists("go"): time.sleep(0.02)
server = socket.socket(); server.bind(("127.0.0.1", 3157)); server.listen()
try: socket.socket().bind(("127.0.0.1", 3157))
except OSError: pass
socket.create_connection(("127.0.0.1", 3157))
P
for form in '' --json; do
	rm -f up go
	"$BERTH" run -n 1 --tree shared --leaks off -- python3 twice.py &
	run=$!
	until_ok [ -e up ]
	"$BERTH" monitor $form >events 2>end &
	monitor=$!
	# shellcheck disable=SC2016 # the monitor is there when it shows what another process of the run does
	until_ok sh -c '"$BERTH" exec -w 1 -- python3 -c "import socket; socket.create_server((\"127.0.0.1\", 0))"; grep -q listening events'
	: >go
	wait $run
	until_ok grep -q 3157 events
	kill -INT $monitor
	wait $monitor
	if [ -z "$form" ]; then
		same 'the port of the suite, and the real one' 'bind failed,bound,connected,listening' \
			"$(sed -nE 's/.* (bound|bind failed|listening|connected) .*127.0.0.1:3157 \(real [0-9]+\).*/\1/p' events | sort -u | paste -sd,)"
	else
		same 'as JSON, too' 1 "$(jq -s '[.[] | select(.local == "127.0.0.1:3157") | .local_real_port] | unique | length' events)"
	fi
done
finish
