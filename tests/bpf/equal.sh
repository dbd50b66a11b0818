#!/bin/sh
# SPDX-License-Identifier: MIT
# The monitor against known tools: on the same run of programs in many languages its counts equal
# those of strace, and its snapshot of a frozen cgroup equals that of ss and /proc.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
out=${BERTH_OUT:-$PWD/.out}
driver=$out/tests/bpf/driver mixed=$PWD/tests/bpf/mixed/all.sh others=$PWD/tests/bpf/others.py
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
names='["opened", "opened_udp", "bound", "bind_failed", "listening", "connected",
	"connect_failed", "accepted", "epipe", "econnreset", "econnrefused", "eaddrinuse",
	"etimedout", "unix_listening", "unix_bind_failed", "unix_connect_failed"]'

# equals SENTENCE MIN: $work/want and $work/got are equal and have at least MIN lines
equals() {
	good=1
	if diff "$work/want" "$work/got" >"$work/diff" && [ "$(wc -l <"$work/want")" -ge "$2" ]; then
		good=0
	else
		{
			wc -l "$work/want"
			sed -n 's/^ "missed/missed/p' "$work/all"
			cat "$work/err"
		} >>"$work/diff"
	fi
	report $good "$1" "$work/diff"
}

# tag NAME: the number of an event, by its place in the enum
tag() {
	awk -F '[ \t,]+' -v name="BERTH_EVENT_$1" '/BERTH_EVENT_[A-Z_]+( = [0-9]+)?,/ {
		if ($2 == name) print n
		n++ }' core/abi.h
}

timeout 120 "$driver" -s ebpf -e "$work/events" -- \
	strace -f -ff -qq -yy --seccomp-bpf -o "$work/strace" \
	-e trace=%network,read,write,readv,writev,sendfile \
	"$mixed" "$out/tests" >"$work/all" 2>"$work/err"
status=$?
if [ $status = 77 ]; then
	skip "the monitor's counts and snapshots" "$(cat "$work/err")"
	finish
fi
python3 "$others" strace "$work"/strace.* >"$work/truth"
jq -r --argjson names "$names" '. as $all | $names[] | "\(.) \($all[.] // 0)"' \
	"$work/truth" >"$work/want"
sed '/^{$/,$!d' "$work/all" | jq -r --argjson names "$names" \
	'.workers[0] as $all | $names[] | "\(.) \($all[.])"' >"$work/got"
equals "counts of programs in many languages equal strace's" 16

# each failure has an event of its own, with its errno
jq -r 'to_entries[] | select(.key | test("^(bind|connect) ")) | "\(.key) \(.value)"' \
	"$work/truth" | sort >"$work/want"
awk '$1 == "event" { for (i = 1; i < NF; i++) if ($i == "error") {
		if ($2 == bind) print "bind", $(i + 1)
		if ($2 == connect) print "connect", $(i + 1) } }' \
	bind="$(tag BIND_FAILED)" connect="$(tag CONNECT_FAILED)" "$work/events" |
	sort | uniq -c | python3 -c 'import errno, sys
for number, call, code in map(str.split, sys.stdin):
    print(call, errno.errorcode[int(code)], number)' | sort >"$work/got"
equals 'failed binds and connects by errno equal those that strace saw' 3

# a socket that exec closes
timeout 60 "$driver" -s ebpf -- python3 -c 'import os, socket
kept = [socket.create_server(("127.0.0.1", 0)) for turn in range(3)]
kept[0].set_inheritable(True)
os.execlp("true", "true")' >"$work/got" 2>"$work/err"
jq -e '.workers[0] | .opened == 3 and .closed_by_exec == 2 and .closed_by_exit == 1 and
	.unaccounted == 0' "$work/got" >/dev/null
report $? 'sockets that exec closes are counted apart from those that the program closes' "$work/got"

HOLD=100 timeout 120 "$driver" -s ebpf -t 50 -x "python3 '$others' cgroup \"\$CGROUP\"" -- \
	"$mixed" "$out/tests" >"$work/all" 2>"$work/err"
sed '/^{$/,$!d' "$work/all" >"$work/result"
jq -r '.look | fromjson | .proc[]' "$work/result" | sort >"$work/want"
jq -r '.snapshot[] | if .state == 7 and (.protocol == "tcp" or .local == 0)
	then "\(.protocol) 7 ? 0"
	else "\(.protocol) \(.state) \(.local) \(.remote)" end' "$work/result" | sort >"$work/got"
equals 'a snapshot of a frozen cgroup equals what its processes have open in /proc' 50
# since iproute2 6.8 ss lists TCP sockets that are bound and do not listen, too
jq -r '.look | fromjson | .ss[]' "$work/result" | grep -v '^tcp 7 ' | sort >"$work/want"
sed -i '/?/d' "$work/got"
equals 'and equals what ss lists' 45
finish
