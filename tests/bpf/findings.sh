#!/bin/sh
# SPDX-License-Identifier: MIT
# The monitor against programs that print what they did: findings and counts must be the same.
if [ -z "${ALONE-}" ] && [ "$(id -u)" = 0 ]; then
	# a network namespace of its own: no port is in TIME_WAIT from an earlier run
	ALONE=1 exec "$(dirname "$0")/../shim/alone" "$0"
fi
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../.." || exit 1

for name in clean clean_pool clean_late_child clean_retry clean_wait clean_nonblock clean_udp \
	clean_time_wait; do
	try "no finding, exact counts: $name" 1 "$oracle" "$name"
done
for name in leaked_listener leaked_daemon leaked_exec leaked_passed leaked_udp leaked_process \
	never_closed pool close_wait growth conflict conflict_next conflict_expected time_wait \
	errors server_missing; do
	try "found, and nothing else: $name" 1 "$oracle" "$name"
	case $name in
	close_wait | growth)
		holds "$name: the detail names the program and its pid" "$work/result" \
			'.findings[].detail | test("oracle '"$name"' [(]pid [0-9]+[)]")' ;;
	esac
done
on=2 try 'found, and nothing else: conflict_between' 2 "$oracle" conflict_between 3888
on=2 try 'found, and nothing else: cross' 2 "$oracle" cross 3889
try 'static programs are watched as well' 1 "$oracle-static" leaked_daemon

# a server that is not part of the run
"$oracle" serve 3890 &
server=$!
try 'found, and nothing else: foreign' 1 "$oracle" foreign 3890
kill "$server"

storm=100000
[ -z "${QUICK:-}" ] || storm=10000
try "no finding, exact counts: $storm short connections" 1 "$oracle" clean_storm "$storm"

# result ARG...: run the driver with them; its result without the truths of the oracles.
result() { timeout 120 "$driver" "$@" 2>"$work/err" | tee "$work/all" | sed '/^{$/,$!d'; }

# eight at once: each worker has its own finding
result -n 8 -s ebpf -- "$oracle" leaked_listener >"$work/result"
grep '^{"findings"' "$work/all" | jq -s '[.[].findings[0].port] | sort' >"$work/want"
jq '[.findings[] | select(.kind == "leaked_listener")]' "$work/result" >"$work/leaks"
holds 'eight workers at once: each leak is reported once, for the right worker' "$work/leaks" \
	"(length == 8) and ([.[].port] | sort) == $(cat "$work/want") and
	([.[].worker] | unique | length) == 8"

# the monitor takes the stack in the kernel, so the process may have ended when it is read
result -s ebpf -- "$oracle" conflict >"$work/result"
holds 'a failed bind is named with function, file and line' "$work/result" \
	'.findings[0].stack | any(test("^conflict at .*tests/bpf/oracle.c:[0-9]+$"))'

# names_stack SENTENCE PATTERN COMMAND...: the stack of a program of another make has a frame
names_stack() {
	sentence=$1 pattern=$2
	shift 2
	result -s ebpf -- "$@" >"$work/result"
	holds "$sentence" "$work/result" "any(.findings[].stack[]?; test(\"$pattern\"))"
}
names_stack 'a program without frame pointers: the caller, with file and line' \
	'^listen_on at .*tests/bpf/oracle.c:[0-9]+$' "$out/tests/bpf/oracle-bare" leaked_daemon
# Go programs have no build id: their stacks are named while they live
if [ -x "$out/tests/isolate/web" ]; then
	mkfifo "$work/stay"
	timeout 2 tail -f /dev/null >"$work/stay" &
	names_stack 'Go: functions with file and line' '^main[.].* at .*web.go:[0-9]+$' \
		"$out/tests/isolate/web" tcp stay <"$work/stay"
fi
cat >"$work/left.js" <<'J'
const { spawn } = require('child_process'), net = require('net');
function forgetsServer() {
	return net.createServer().listen(0, () => process.stdout.write('up'));
}
if (process.argv[2]) {
	forgetsServer();
} else {
	const flags = ['--perf-basic-prof', '--interpreted-frames-native-stack', __filename, 'x'];
	const options = { detached: true, stdio: ['ignore', 'pipe', 'ignore'], cwd: __dirname };
	spawn(process.execPath, flags, options).stdout.once('data', () => process.exit(0));
}
J
# Debian's node calls listen() through a shared libuv without frame pointers: the walk ends there
if ldd "$(command -v node)" | grep -q libuv; then
	say ok 'Node, by its perf map # SKIP its libuv has no frame pointers (docs/limits.md)'
else
	names_stack "Node, by its perf map: the script's function, with file and line" \
		'^forgetsServer at .*left.js:[0-9]+$' node "$work/left.js"
	rm -f "/tmp/perf-$(jq -r '.findings[0].pid' "$work/result").map"
fi

result -s ebpf -- "$oracle" memory 96 >"$work/result"
holds 'the peak memory of a process that grew until its end' "$work/result" \
	'.workers[0].memory_peak_kib | . > 96 * 1024 and . < 192 * 1024'

result -s ebpf -a 'oracle*' -- "$oracle" leaked_listener >"$work/result"
holds 'a finding that an allow rule matches is not reported' "$work/result" '.findings == []'

# without privilege the monitor sees less, but names what is left open
nobody=$work/nobody
mkdir -m 755 "$nobody" && chmod 755 "$work" && cp "$driver" "$oracle" "$nobody/"
for name in clean clean_pool clean_wait leaked_listener leaked_daemon leaked_exec leaked_passed \
	leaked_udp leaked_process close_wait growth; do
	(cd "$nobody" && $as_nobody timeout 60 ./driver -s sampling -- ./oracle "$name") \
		>"$work/all" 2>"$work/err"
	want=$(grep '^{"findings"' "$work/all" | jq -c '[.findings[] | [.kind, .port]] | sort')
	got=$(grep -v '^{"findings"' "$work/all" |
		jq -c '[.findings[] | [.kind, .port // 0]] | sort')
	if [ -n "$want" ] && [ "$want" = "$got" ]; then
		say ok "sampled by user nobody: $name"
	else
		say 'not ok' "sampled by user nobody: $name"
		echo "# want $want"
		echo "# got  $got"
		sed 's/^/# /' "$work/err"
	fi
done
echo "1..$number"
