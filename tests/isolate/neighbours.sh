#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is around a worker: other runs, bare programs, outsiders on its real ports, fewer privileges,
# a supervisor that dies.
set -eu
. "$(dirname "$0")/lib.sh"
turns=$(dirname "$0")/programs/turns.py

# How many workers printed it; two of them may have written into one line.
answers() { grep -o '4980 4980' "$1" | wc -l; }
side_by_side() { # two runs and a bare program bind the same port at once
	touch "$tmp/go"
	python3 "$turns" "$tmp/go" 200 "$tmp/bare" fast & pids+=" $!"
	for backend in "$1" "$2"; do
		"$driver" -n 4 --backend "$backend" -- python3 "$turns" "$tmp/go" \
			>"$tmp/$backend.got" 2>&1 &
		runs+=" $!"
	done
	for run in $runs; do wait "$run"; done
	for backend in "$1" "$2"; do
		[ "$(answers "$tmp/$backend.got")" = 4 ] || { cat "$tmp/$backend.got"; return 1; }
	done
	[ "$(cat "$tmp/bare")" = "4980 4980" ] || { echo "bare: $(cat "$tmp/bare")"; return 1; }
}
# BACKEND WANT-RESULT [listen]: all but the last real ports are held when the worker binds
outsider() {
	local base
	rm -f "$tmp/go2" "$tmp/held" "$tmp/err" # or the last test's would be read
	"$driver" --blocks --notes --backend "$1" -- python3 "$turns" "$tmp/go2" 6 "$tmp/last" \
		>"$tmp/got" 2>"$tmp/err" & run=$!
	within 10 grep -qs '^block w1' "$tmp/err"
	base=$(awk '/^block w1/ { print $3 }' "$tmp/err")
	"$programs/squatter" "$base" $((base + 2)) ${3-} >"$tmp/held" & pids+=" $!" squatter=$!
	within 5 grep -qs '^3$' "$tmp/held"
	touch "$tmp/go2"
	wait "$run"
	kill "$squatter"
	same "$2" "$tmp/last" && grep -q 'note w1 outsider tcp 4980' "$tmp/err" ||
		{ cat "$tmp/err"; return 1; }
}
narrow() { # as little privilege as it takes, in a cgroup of our own
	local cgroup
	cgroup=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)/berth-narrow-$$
	mkdir "$cgroup"
	sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$cgroup" \
		setpriv --inh-caps=-all,+bpf,+perfmon,+net_admin \
		--bounding-set=-all,+bpf,+perfmon,+net_admin \
		"$driver" -n 2 --backend bpf -- python3 "$turns" >"$tmp/got" 2>&1 || cat "$tmp/got"
	within 5 rmdir "$cgroup" 2>/dev/null
	[ "$(answers "$tmp/got")" = 2 ] || { cat "$tmp/got"; return 1; }
}
nobody() { # in a directory of its own
	setpriv --reuid nobody --regid nogroup --clear-groups env TMPDIR=/tmp \
		"$driver" -n 2 --backend "$1" -- "$programs/stress-static" "$programs/stress" 50 1
}
# a program that may not be looked into keeps the host's ports, and is named; not one with Unix sockets
hidden() {
	setpriv --reuid nobody --regid nogroup --clear-groups env TMPDIR=/tmp \
		"$driver" --notes --backend "$1" -- sh -c '"$1" tcp; exec "$1" unix' - \
		"$programs/hidden-static" >"$tmp/got" 2>&1 || :
	grep -v '^note' "$tmp/got" >"$tmp/said" || :
	same "tcp: bound
unix: bound" "$tmp/said" && [ "$(grep '^note w1 blind' "$tmp/got" | grep -c hidden-static)" = 1 ] ||
		{ cat "$tmp/got"; return 1; }
}
death() { # the supervisor is killed; no process hangs
	rm -f "$tmp/go3" "$tmp/last"
	"$driver" --outlive --backend "$1" -- python3 "$turns" "$tmp/go3" 30 "$tmp/last" \
		>/dev/null 2>&1 & run=$!
	touch "$tmp/go3"
	within 5 grep -qs '4980 4980' "$tmp/last"
	kill -9 "$run"
	wait "$run" 2>/dev/null || :
	rm "$tmp/last"
	within 5 test -s "$tmp/last" && result=0 || { result=1; echo "the worker hangs"; }
	for cgroup in $(find /sys/fs/cgroup -maxdepth 3 -name "berth-driver-$run"); do
		echo 1 >"$cgroup/cgroup.kill"
		within 5 rmdir "$cgroup/w1" "$cgroup" 2>/dev/null
	done
	return $result
}

runs=''
has bpf && check "a bpf run, a preload run and a bare program bind one port at once" side_by_side bpf preload
runs=''
has seccomp && check "a seccomp run, a preload run and a bare program bind one port at once" \
	side_by_side seccomp preload
for backend in preload seccomp bpf; do
	has $backend || { skip "neighbours under $backend" "$why"; continue; }
	check "a worker goes round an outsider that listens on its real ports, under $backend" \
		outsider $backend '4980 4980' listen
	check "and round one that has only bound them, under $backend" outsider $backend '4980 4980'
	check "the supervisor's death leaves no worker hanging under $backend" death $backend
done
if [ "$(id -u)" = 0 ]; then
	if has bpf; then
		check "bpf needs CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, no more" narrow
	else
		skip bpf "$why"
	fi
	for backend in preload seccomp; do
		check "$backend needs no privilege" nobody $backend
		check "a program that may not be looked into is named under $backend" hidden $backend
	done
else
	skip "fewer privileges" "not root"
fi
finish
