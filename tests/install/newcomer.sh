#!/bin/sh
# SPDX-License-Identifier: MIT
# The errors that new users meet: each says what failed and what to do, and docs/troubleshooting.md
# has it.
. "$(dirname "$0")/lib.sh"
berth=$out/bin/berth
export XDG_RUNTIME_DIR="$work/runtime" HOME="$work/home"
mkdir -m 700 "$work/runtime" "$work/home" "$work/project"
cd "$work/project" || exit 1

# says STATUS LINE KEY COMMAND...: the exit status, the printed line, and its key in the document
says() {
	want=$1 sentence=$2 key=$3
	shift 3
	status=0
	"$@" >"$work/log" 2>&1 </dev/null || status=$?
	[ "$status" = "$want" ] && grep -qF -- "$sentence" "$work/log"
	good=$?
	echo "exit status $status, want $want; the line: $sentence" >>"$work/log"
	report $good "$key" "$work/log"
	grep -qF -- "$key" "$top/docs/troubleshooting.md" || report 1 "docs/troubleshooting.md has: $key"
}
says 127 "unable to start 'playwrigth': No such file or directory" "No such file or directory" "$berth" run -- playwrigth test
: >script
says 126 "unable to start './script': Permission denied" "Permission denied" "$berth" run -- ./script
says 125 'a command to run is missing' 'a command to run is missing' "$berth" run
says 125 "unknown verb 'rnu': did you mean 'run'?" 'unknown verb' "$berth" rnu
says 125 "unknown option '--worker' of 'berth run'" 'unknown option' "$berth" run --worker 4 -- true
# Each client has its own message; 63790 is another port, and a worker that passes needs no hint.
refused='hint: with --db redis://localhost:6379 every worker gets one of its own, server included'
says 1 'w2: the suite was refused port 6379, and no server answers there' 'the suite was refused port N' "$berth" run -n 2 --output quiet -- sh -c '
	echo "Error: connect ECONNREFUSED 127.0.0.1:$((63790 - 57411 * (BERTH_WORKER - 1)))"; exit 1'
grep -qF "$refused" "$work/log"
report $? 'the hint names a URL' "$work/log"
"$berth" run -n 2 -- sh -c 'echo "Error: connect ECONNREFUSED 127.0.0.1:6379"' >"$work/log" 2>&1
! grep -q hint "$work/log"
report $? 'a worker that passes gets no hint' "$work/log"
python3 - "$berth" >"$work/log" 2>&1 <<'PY'
import socket, subprocess, sys
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
try:
    server.bind(("127.0.0.1", 6379))
    server.listen()
except OSError:
    pass  # a real one does as well
client = 'import socket; socket.create_connection(("127.0.0.1", 6379), 5).close()'
subprocess.run([sys.argv[1], "run", "-n", "2", "--", sys.executable, "-c", client])
PY
grep -A 1 'w1 w2: connected to TCP port 6379 outside of the run\|w2 w1: connected' "$work/log" |
	grep -qF 'hint: with --db redis://localhost:6379 every worker gets one of its own'
report $? "a server of the host's that all workers share: the hint names a URL" "$work/log"
printf 'workers: 3\nprot: 3101\n' >berth.yaml
says 125 "berth.yaml:2: prot: unknown key: did you mean 'port'?" 'unknown key: did you mean' "$berth" run -- true
printf 'port: x\n' >berth.yaml
says 125 'berth.yaml:1: port: expected ports' 'expected ports' "$berth" check
rm berth.yaml
says 125 'no berth.yaml from here upwards' 'no berth.yaml from here upwards' "$berth" check
says 1 'no run has been recorded in' 'no run has been recorded' "$berth" trends --results "$work/none"
says 125 'from which the kernel hands out ports itself' 'from which the kernel hands out ports itself' \
	"$berth" run --range 32000-40000 -- true
says 125 'do not fit into the port range' 'do not fit into the port range' "$berth" run -n 200 --block 200 -- true
says 125 'is not this machine, and only local addresses are remapped' 'is not this machine, and only local addresses are remapped' \
	"$berth" run --db postgresql://a@db.example/x -- true
says 124 'timed out after' 'timed out after' "$berth" run --timeout 300ms -- sleep 20
says 1 "the private database server refuses role 'shop_user'" 'refuses role' "$berth" run --db-mode private --db shop -- \
	sh -c 'psql -qAtc "select 1" postgresql://shop_user:secret@localhost/shop || exit 1'
says 1 'hint: name the role in the URL: --db postgresql://postgres:PASSWORD@localhost:5432/shop' 'refuses role' "$berth" run \
	--db-mode private --db shop -- sh -c 'psql -qAtc "select 1" postgresql://postgres:secret@localhost/shop || exit 1'
says 1 "the private database server has no database 'shop_test'" 'has no database' "$berth" run --db-mode private \
	--db postgresql://a:b@localhost/shop -- sh -c 'psql -qAtc "select 1" postgresql://a:b@localhost/shop_test || exit 1'
says 1 'the private database server said: permission denied to create extension "dblink"' \
	'permission denied to create extension' "$berth" run --db-mode private \
	--db postgresql://a:b@localhost/shop -- sh -c 'psql -qAtc "create extension dblink" postgresql://a:b@localhost/shop || exit 1'

if [ "$(id -u)" = 0 ]; then
	mkdir -m 755 "$work/readonly" "$work/tool"
	cp -r "$out/bin" "$out/lib" "$work/tool/"
	chmod -R a+rX "$work/tool"
	cd "$work/readonly" || exit 1
	says 125 'unable to make the results directory' 'unable to make the results directory' setpriv --reuid nobody --regid nogroup \
		--clear-groups env -u XDG_RUNTIME_DIR "$work/tool/bin/berth" run --results results -- true
	# shellcheck disable=SC2016
	says 125 'if it has been removed, go into one that exists' 'unable to find the working directory' sh -c \
		'mkdir gone && cd gone && rmdir ../gone && exec "$1" run -- true' - "$berth"
	mkdir results
	chmod 777 .
	says 125 "unable to write to the results directory '$work/readonly/results': Permission denied" \
		'unable to write to the results directory' setpriv --reuid nobody --regid nogroup --clear-groups \
		env -u XDG_RUNTIME_DIR "$work/tool/bin/berth" run --results results -- true
	mkdir -m 777 "$work/nameless"
	cd "$work/nameless" || exit 1
	says 125 'user 61700 has no name, which PostgreSQL needs' 'has no name, which PostgreSQL needs' setpriv --reuid 61700 --regid nogroup \
		--clear-groups env -u XDG_RUNTIME_DIR "$work/tool/bin/berth" run --results results --db-mode private --db x -- true
	cd "$work/project" || exit 1
	if unshare -m true 2>/dev/null; then
		says 125 'hint: it must be yours alone' 'unable to make the directory for run-time files' unshare -m sh -c '
			mount -t tmpfs tmpfs /mnt && mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp &&
			exec env -u XDG_RUNTIME_DIR "$0" run --results /mnt/results -- true' "$berth"
		says 125 'hint: is /proc mounted here?' "unable to find berth's own files" unshare -m sh -c 'umount -l /proc; exec "$0" run -- true' "$berth"
		says 125 'hint: --backend auto takes what works' 'cannot work here' unshare -m sh -c 'umount -R -l /sys/fs/cgroup; exec "$0" run --backend bpf -- true' "$berth"
	fi
	says 1 'berth: no run is live' 'no run is live' "$berth" monitor
	if unshare -m true 2>/dev/null; then
		mkdir -m 700 "$work/full"
		# shellcheck disable=SC2016
		says 125 'No space left on device' 'No space left on device' unshare -m sh -c '
			mount -t tmpfs -o size=256k,mode=700 tmpfs "$1" && XDG_RUNTIME_DIR=$1 exec "$2" run -- true' - "$work/full" "$berth"
	fi
fi
finish
