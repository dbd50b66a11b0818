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

# ---- programs that cannot be read ----
cp "${BERTH_OUT:-$here/../../.out}/tests/shim-static/tcp4" closed
chmod 111 closed
if [ "$(id -u)" = 0 ]; then
	"$BERTH" run -n 2 --strict --backend preload --tree shared -- ./closed >out 2>err
	is 0 $? 'a static program that may not be read has the port of the worker'
	mkdir "$top/plain" && mv closed "$top/plain" && cd "$top/plain" && chown -R nobody .
	user="setpriv --reuid nobody --regid nogroup --clear-groups env HOME=$top/plain XDG_RUNTIME_DIR="
fi
named 'a static program that a plain user may not read' "'closed' left the worker: its memory cannot be read" ./closed
finish
