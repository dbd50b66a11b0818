#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Programs of many kinds, several copies at once, under each backend: Go, musl, io_uring, PHP's web
# server, env -i, and the stress test (32 workers, 200 000 binds and connects, children killed at
# random).
set -eu
. "$(dirname "$0")/lib.sh"
workers=32 rounds=800
[ -z "${QUICK-}" ] || { workers=8 rounds=100; }

copies() { timeout 400 "$driver" -n "$1" --backend "$2" -- "${@:3}"; }
each_says() { # WORKERS BACKEND LINE COMMAND...: every copy prints this line
	local want=$1 backend=$2 line=$3
	copies "$want" "$backend" "${@:4}" >"$tmp/got" 2>"$tmp/err" ||
		{ echo "status $?"; cat "$tmp/err"; return 1; }
	[ "$(grep -cxF "$line" "$tmp/got")" = "$want" ] ||
		{ echo "want $want times: $line"; cat "$tmp/got"; return 1; }
}
cat >"$tmp/php" <<'E2'
cd "$1"; php -S 127.0.0.1:4950 >/dev/null 2>&1 & server=$!
for turn in $(seq 50); do
	got=$(php -r 'echo @file_get_contents("http://127.0.0.1:4950/who.php");') && [ -n "$got" ] && break
	sleep 0.1
done
kill $server
[ "$got" = "worker $BERTH_WORKER" ] && echo served by its own || echo "served by $got"
E2
echo 'worker <?php echo getenv("BERTH_WORKER");' >"$tmp/who.php"
cat >"$tmp/bare_env" <<'E2'
env -i PATH=/usr/bin:/bin python3 -c '
import socket, time
server = socket.create_server(("127.0.0.1", 4960))
client = socket.create_connection(("127.0.0.1", 4960))
print(server.getsockname()[1], client.getpeername()[1], flush=True)
time.sleep(0.5)'
E2
in_use='a second listener: listen tcp 127.0.0.1:4930: bind: address already in use'
uring() { # four copies hold the same port at once, until they are ended
	"$driver" -n 4 --backend bpf -- timeout 3 "$programs/$1" >"$tmp/got" 2>&1 || :
	[ "$(grep -cx 'server 4970 peer 4970 served 4970' "$tmp/got")" = 4 ] ||
		{ cat "$tmp/got"; return 1; }
}
full() {
	"$driver" --backend "$1" -- "$programs/full_backlog-static" >"$tmp/got"
	same "interrupted: Interrupted system call, in time
waited: connected" "$tmp/got"
}
old_calls() { # 32-bit calls: refused with a note, or rewritten
	"$driver" --notes --backend "$1" -- "$programs/old_calls" >"$tmp/got" 2>&1
	grep -qx "$2" "$tmp/got" && grep -q "$3" "$tmp/got" || { cat "$tmp/got"; return 1; }
}
refused() {
	"$driver" --notes --backend seccomp -- "$programs/uring" >"$tmp/got" 2>&1 || :
	grep -q '^skip: no io_uring' "$tmp/got" && grep -q '^note w1 io_uring .*uring' "$tmp/got" ||
		{ cat "$tmp/got"; return 1; }
}

for backend in preload seccomp bpf; do
	has $backend || { skip "programs under $backend" "$why"; continue; }
	for kind in "web tcp" "web mptcp" "web-pie tcp"; do
		check "eight Go servers and their clients under $backend ($kind)" \
			each_says 8 $backend "$in_use" "$programs/"$kind
	done
	check "four PHP web servers under $backend" \
		each_says 4 $backend 'served by its own' sh "$tmp/php" "$tmp"
	check "four servers in a cleared environment under $backend" \
		each_says 4 $backend '4960 4960' sh "$tmp/bare_env"
	check "a waiting connect ends by a signal, or when the backlog has space, under $backend" \
		full $backend
	check "static musl servers under $backend" \
		copies 4 $backend "$programs/stress-musl" "$programs/stress-musl" 100 2
	binds=$((workers * rounds * 8))
	check "$workers workers, dynamic and static, $binds binds and connects, kills, under $backend" \
		copies $workers $backend "$programs/stress" "$programs/stress-static" $rounds 4
done
if has bpf; then
	for build in uring uring-static; do
		check "four io_uring servers under bpf ($build)" uring $build
	done
else
	skip "io_uring under bpf" "$why"
fi
bare=0
"$programs/old_calls" >/dev/null 2>&1 || bare=$?
if [ "$(uname -m)" = x86_64 ] && [ $bare -ge 128 ]; then
	skip "32-bit calls" "this kernel has none: they crash without Berth, too"
elif [ "$(uname -m)" = x86_64 ]; then
	has bpf && check "a 32-bit bind is rewritten under bpf" \
		old_calls bpf bound 'note w1 learned tcp 4990'
	has seccomp && check "a 32-bit bind is refused under seccomp, and reported" \
		old_calls seccomp 'Function not implemented' 'note w1 escape .*old_calls'
fi
if has seccomp; then
	check "io_uring is refused under seccomp, and reported" refused
else
	skip io_uring "$why"
fi
finish
