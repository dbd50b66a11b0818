#!/bin/sh
# The monitor against programs that say what they did: findings and counts must equal what each oracle prints.
[ -n "${ALONE-}" ] || [ "$(id -u)" != 0 ] || ALONE=1 exec "$(dirname "$0")/../shim/alone" "$0" # no port lingers from the last time
. "$(dirname "$0")/lib.sh"
cd "$(dirname "$0")/../.." || exit 1

for name in clean clean_pool clean_late_child clean_retry clean_wait clean_nonblock clean_udp clean_time_wait; do
	try "no finding, exact counts: $name" 1 "$oracle" "$name"
done
for name in leaked_listener leaked_daemon leaked_exec leaked_passed leaked_udp leaked_process never_closed pool close_wait growth \
	conflict conflict_next conflict_expected time_wait errors waited_in_vain; do
	try "found, and nothing else: $name" 1 "$oracle" "$name"
	case $name in
	close_wait | growth)
		if jq -e --arg name "$name" '.findings[].detail | test("oracle " + $name + " [(]pid [0-9]+[)]")' "$work/result" >/dev/null; then
			say ok "$name: a program is named, not only its number"
		else
			say 'not ok' "$name: a program is named, not only its number"
			sed 's/^/# /' "$work/result"
		fi ;;
	esac
done
on=2 try 'found, and nothing else: conflict_between' 2 "$oracle" conflict_between 3888
on=2 try 'found, and nothing else: cross' 2 "$oracle" cross 3889
try 'static programs are seen as well' 1 "$oracle-static" leaked_daemon

# a server that is not part of the run; it ends with this script
"$oracle" serve 3890 &
server=$!
try 'found, and nothing else: foreign' 1 "$oracle" foreign 3890
kill "$server"

storm=100000
[ -z "${QUICK:-}" ] || storm=10000
try "no finding, exact counts: $storm short connections" 1 "$oracle" clean_storm "$storm"

# eight at once: each worker's finding is its own
timeout 120 "$driver" -n 8 -s ebpf -- "$oracle" leaked_listener >"$work/all" 2>/dev/null
grep '^{"findings"' "$work/all" | jq -c '.findings[0].port' | sort >"$work/want"
grep -v '^{"findings"' "$work/all" | jq -c '.findings[] | select(.kind == "leaked_listener") | .port' | sort >"$work/got"
if [ "$(wc -l <"$work/want")" = 8 ] && cmp -s "$work/want" "$work/got" &&
	[ "$(grep -v '^{"findings"' "$work/all" | jq '[.findings[].worker] | unique | length')" = 8 ]; then
	say ok 'eight workers at once: each leak is reported once, for the right worker'
else
	say 'not ok' 'eight workers at once: each leak is reported once, for the right worker'
fi

# the stack names function, file and line, though the process has ended before anybody read it
if timeout 60 "$driver" -s ebpf -- "$oracle" conflict | grep -v '^{"findings"' |
	jq -e '.findings[0].stack | any(test("^conflict at .*tests/bpf/oracle.c:[0-9]+$"))' >/dev/null; then
	say ok 'a failed bind is named with function, file and line'
else
	say 'not ok' 'a failed bind is named with function, file and line'
fi

# the stack of other makes: names_stack SENTENCE PATTERN COMMAND...
names_stack() {
	sentence=$1 pattern=$2
	shift 2
	timeout 60 "$driver" -s ebpf -- "$@" 2>"$work/err" | sed '/^{$/,$!d' >"$work/result"
	if jq -e --arg pattern "$pattern" 'any(.findings[].stack[]?; test($pattern))' "$work/result" >/dev/null; then
		say ok "$sentence"
	else
		say 'not ok' "$sentence"
		jq -r '.findings[].stack[]? | "# \(.)"' "$work/result"
	fi
}
names_stack 'a program without frame pointers: the caller, with file and line' '^listen_on at .*tests/bpf/oracle.c:[0-9]+$' \
	"$out/tests/bpf/oracle-bare" leaked_daemon
# Go's programs have no build id: their stacks are named while they live
if [ -x "$out/tests/isolate/web" ]; then
	mkfifo "$work/stay"
	timeout 2 tail -f /dev/null >"$work/stay" &
	names_stack 'Go: functions with file and line' '^main\..* at .*web.go:[0-9]+$' "$out/tests/isolate/web" tcp stay <"$work/stay"
fi
cat >"$work/left.js" <<'J'
const { spawn } = require('child_process'), net = require('net');
function forgetsServer() {
	return net.createServer().listen(0, () => process.stdout.write('up'));
}
if (process.argv[2]) forgetsServer();
else
	spawn(process.execPath, ['--perf-basic-prof', '--interpreted-frames-native-stack', __filename, 'x'],
		{ detached: true, stdio: ['ignore', 'pipe', 'ignore'], cwd: __dirname }).stdout.once('data', () => process.exit(0));
J
# Debian's node calls listen() through a shared libuv without frame pointers: the walk ends there
if ldd "$(command -v node)" | grep -q libuv; then
	say ok 'Node, by its perf map # SKIP its shared libuv has no frame pointers (docs/limits.md)'
else
	names_stack "Node, by its perf map: the script's function, with file and line" '^forgetsServer at .*left.js:[0-9]+$' \
		node "$work/left.js"
	rm -f "/tmp/perf-$(jq -r '.findings[0].pid' "$work/result").map"
fi

# the peak of a process that only grew
if timeout 60 "$driver" -s ebpf -- "$oracle" memory 96 |
	jq -e '.workers[0].memory_peak_kib | . > 96 * 1024 and . < 192 * 1024' >/dev/null; then
	say ok 'the peak memory of a process that grew until its end'
else
	say 'not ok' 'the peak memory of a process that grew until its end'
fi

# an allow list lets it pass
if timeout 60 "$driver" -s ebpf -a 'oracle*' -- "$oracle" leaked_listener | grep -v '^{"findings"' |
	jq -e '.findings | length == 0' >/dev/null; then
	say ok 'an allowed finding is not told'
else
	say 'not ok' 'an allowed finding is not told'
fi

# without any privilege: less is seen, but what is left open is named all the same
nobody=$work/nobody
mkdir -m 755 "$nobody" && chmod 755 "$work" && cp "$driver" "$oracle" "$nobody/"
for name in clean clean_pool clean_wait leaked_listener leaked_daemon leaked_exec leaked_passed leaked_udp leaked_process close_wait growth; do
	if [ "$(id -u)" = 0 ]; then
		(cd "$nobody" && timeout 60 setpriv --reuid 65534 --regid 65534 --clear-groups ./driver -s sampling -- ./oracle "$name") \
			>"$work/all" 2>"$work/err"
	else
		timeout 60 "$driver" -s sampling -- "$oracle" "$name" >"$work/all" 2>"$work/err"
	fi
	want=$(grep '^{"findings"' "$work/all" | jq -c '[.findings[] | [.kind, .port]] | sort')
	got=$(grep -v '^{"findings"' "$work/all" | jq -c '[.findings[] | [.kind, .port // 0]] | sort')
	if [ -n "$want" ] && [ "$want" = "$got" ]; then
		say ok "sampled by nobody: $name"
	else
		say 'not ok' "sampled by nobody: $name"
		echo "# want $want"
		echo "# got  $got"
		sed 's/^/# /' "$work/err"
	fi
done
echo "1..$number"
