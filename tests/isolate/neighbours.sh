#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What is around a worker: other runs, bare programs, outsiders on its real ports, fewer privileges, a supervisor that dies.
set -eu
. "$(dirname "$0")/lib.sh"
cat >"$tmp/bind.py" <<'E2'
import errno, os, socket, sys, time
def name():
    try:
        with socket.create_server(("127.0.0.1", 4980)) as server, socket.create_connection(("127.0.0.1", 4980)) as client:
            return "%d %d" % (server.getsockname()[1], client.getpeername()[1])
    except OSError as error:
        return errno.errorcode[error.errno]
while len(sys.argv) > 1 and not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
if len(sys.argv) < 3:
    print(name(), flush=True)
for turn in range(int(sys.argv[2]) if len(sys.argv) > 2 else 0):
    with open(sys.argv[3] + ".new", "w") as file:
        file.write(name())
    os.rename(sys.argv[3] + ".new", sys.argv[3])
    time.sleep(0.1 if len(sys.argv) < 5 else 0)
E2
chmod -R a+rX "$tmp"

side_by_side() { # two runs and a bare program bind the same port at once
	touch "$tmp/go"
	python3 "$tmp/bind.py" "$tmp/go" 200 "$tmp/bare" fast & pids+=" $!"
	for backend in "$1" "$2"; do
		"$driver" -n 4 --backend "$backend" -- python3 "$tmp/bind.py" "$tmp/go" >"$tmp/$backend.got" 2>&1 &
		runs+=" $!"
	done
	for run in $runs; do wait "$run"; done
	for backend in "$1" "$2"; do
		[ "$(grep -cx '4980 4980' "$tmp/$backend.got")" = 4 ] || { cat "$tmp/$backend.got"; return 1; }
	done
	[ "$(cat "$tmp/bare")" = "4980 4980" ] || { echo "bare: $(cat "$tmp/bare")"; return 1; }
}
outsider() { # BACKEND WANT-RESULT [listen]: all but the last real ports are held when the worker binds
	local base
	rm -f "$tmp/go2" "$tmp/held"
	"$driver" --blocks --notes --backend "$1" -- python3 "$tmp/bind.py" "$tmp/go2" 6 "$tmp/last" >"$tmp/got" 2>"$tmp/err" & run=$!
	within 10 grep -q '^block w1' "$tmp/err"
	base=$(awk '/^block w1/ { print $3 }' "$tmp/err")
	"$programs/squatter" "$base" $((base + 2)) ${3-} >"$tmp/held" & pids+=" $!" squatter=$!
	within 5 grep -qs '^3$' "$tmp/held"
	touch "$tmp/go2"
	wait "$run"
	kill "$squatter"
	same "$2" "$tmp/last" && grep -q 'note w1 outsider tcp 4980' "$tmp/err" || { cat "$tmp/err"; return 1; }
}
narrow() { # as little privilege as it takes, in a cgroup that is ours
	local cgroup
	cgroup=$(awk '/ - cgroup2 / { print $5; exit }' /proc/self/mountinfo)/berth-narrow-$$
	mkdir "$cgroup"
	sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$cgroup" \
		setpriv --inh-caps=-all,+bpf,+net_admin --bounding-set=-all,+bpf,+net_admin \
		"$driver" -n 2 --backend bpf -- python3 "$tmp/bind.py" >"$tmp/got" 2>&1 || cat "$tmp/got"
	within 5 rmdir "$cgroup" 2>/dev/null
	same "4980 4980
4980 4980" "$tmp/got"
}
nobody() { # in a directory of its own
	setpriv --reuid nobody --regid nogroup --clear-groups env TMPDIR=/tmp \
		"$driver" -n 2 --backend "$1" -- "$programs/stress-static" "$programs/stress" 50 1
}
death() { # the supervisor is killed; nobody hangs
	rm -f "$tmp/go3" "$tmp/last"
	"$driver" --backend "$1" -- python3 "$tmp/bind.py" "$tmp/go3" 30 "$tmp/last" >/dev/null 2>&1 & run=$!
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
has seccomp && check "a seccomp run, a preload run and a bare program bind one port at once" side_by_side seccomp preload
for backend in preload seccomp bpf; do
	has $backend || { skip "neighbours under $backend" "$why"; continue; }
	check "a worker goes round an outsider that listens on its real ports, under $backend" outsider $backend '4980 4980' listen
	check "and round one that has only bound them, under $backend" outsider $backend '4980 4980'
	check "the supervisor's death leaves no worker hanging under $backend" death $backend
done
if [ "$(id -u)" = 0 ]; then
	if has bpf; then check "bpf needs CAP_BPF and CAP_NET_ADMIN, no more" narrow; else skip bpf "$why"; fi
	for backend in preload seccomp; do check "$backend needs no privilege" nobody $backend; done
else
	skip "fewer privileges" "not root"
fi
finish
