#!/bin/sh
# SPDX-License-Identifier: MIT
# Places that take something away: containers, sandboxes, read-only machines. Two workers still have
# one port, as root and as a plain user, and one line says what is missing.
set -u
here=$(cd "$(dirname "$0")" && pwd)
BERTH=${BERTH:-$here/../../.out/bin/berth}
. "$here/../tap.sh"
if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
	echo '1..0 # SKIP only root can be two users, and have mounts of its own'
	exit 77
fi
work=$(mktemp -d /var/tmp/berth-places.XXXXXX)
trap 'cd /; rm -rf "$work"' EXIT
chmod 755 "$work"
built=$(dirname "$(dirname "$BERTH")")
cp -r "$built/bin" "$built/lib" "$work/"
cp "${BERTH_OUT:-$built}/tests/isolate/refuse" "$work/"
chmod -R a+rX "$work"
for user in root nobody; do
	mkdir -p "$work/$user/project"
	chown -R $user "$work/$user"
done

# Each worker waits at a server of the host until both have bound the port.
cat >"$work/two" <<'PY'
import os, socket, subprocess, sys, threading
suite = """
import socket, sys
server = socket.socket()
server.bind(("127.0.0.1", 3101))
server.listen()
assert server.getsockname()[1] == 3101
socket.create_connection(("127.0.0.1", 3101), 10).close()
host = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
host.settimeout(30)
assert host.recv(4) == b"both", "the other worker did not bind"
"""
host = socket.socket()
host.bind(("127.0.0.1", 0))
host.listen()
port = str(host.getsockname()[1])

def release():
    for worker in [host.accept()[0] for _ in range(2)]:
        worker.sendall(b"both")

threading.Thread(target=release, daemon=True).start()
command = ["--share", port, "--", sys.executable, "-c", suite, port]
sys.exit(subprocess.run([sys.argv[1], "run", "-n", "2", *sys.argv[2:], *command]).returncode)
PY

# as USER COMMAND...: in the user's project, with nothing but a home
as() {
	user=$1
	shift
	(cd "$work/$user/project" && exec setpriv --reuid "$user" --clear-groups env -i HOME="$work/$user" \
		PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@") >"$work/log" 2>&1 </dev/null
}
# works SENTENCE USER LINE COMMAND...: two workers have one port, and a line like LINE was printed
works() {
	sentence=$1 user=$2 line=$3
	shift 3
	as "$user" "$@" && grep -qE -- "$line" "$work/log"
	report $? "$sentence, $user" "$work/log"
}
# refused SENTENCE LINE COMMAND...: exit status 125, and a line like LINE
refused() {
	sentence=$1 line=$2
	shift 2
	as nobody "$@"
	[ $? = 125 ] && grep -qE -- "$line" "$work/log"
	report $? "$sentence" "$work/log"
}
two="/usr/bin/python3 $work/two $work/bin/berth"
r=$work/refuse
exact=preload
! as root "$work/bin/berth" run --backend bpf -- true || exact=bpf

# shellcheck disable=SC2086 # $two is words
{
	works 'without user namespaces' root "backend $exact, tree overlay" "$r" userns $two
	works 'without user namespaces' nobody 'tree is shared .*user namespace: Operation not permitted' \
		"$r" userns $two
	works 'and processes are shared' nobody 'processes .* are shared .*: user namespace: Operation not permitted' \
		"$r" userns $two
	works 'in user namespaces without rights' nobody \
		'tree is shared .*user namespace: Permission denied' "$r" apparmor $two
	# a file of the kernel that Ubuntu has
	as root unshare -m sh -c 'mount -t tmpfs none /proc/sys/kernel
		echo 1 >/proc/sys/kernel/apparmor_restrict_unprivileged_userns
		exec setpriv --reuid nobody --clear-groups env HOME="$0" "$@"' "$work/nobody" \
		"$r" apparmor "$work/bin/berth" doctor
	grep -q 'user namespaces cannot be made' "$work/log" &&
		grep -q 'kernel.apparmor_restrict_unprivileged_userns=0' "$work/log"
	report $? 'the remedy is named' "$work/log"
	works 'without user notification' root "backend $exact, tree overlay" "$r" notify $two
	works 'without user notification' nobody 'backend preload' "$r" notify $two
	as nobody "$r" notify "$work/bin/berth" run -- /sbin/ldconfig -p
	grep -q 'it is statically linked; its ports are the host' "$work/log"
	report $? 'without user notification a static program is named' "$work/log"
	refused 'and the seccomp backend is refused' 'no seccomp user notification' \
		"$r" notify "$work/bin/berth" run --backend seccomp -- true
	works 'without bpf' root 'backend preload' "$r" bpf $two
	refused 'and the bpf backend is refused' "backend 'bpf' cannot work here: " \
		"$r" bpf "$work/bin/berth" run --backend bpf -- true
	works 'a plain user has no limits' nobody 'limits cannot be set here' $two --mem 200M
	for user in root nobody; do
		works 'in Docker' $user 'tree is shared .*user namespace: Operation not permitted' \
			"$r" docker $two
		works 'in Docker, seccomp' $user 'backend seccomp' "$r" docker $two --backend seccomp
		works 'on the kernel of gVisor' $user 'backend preload' "$r" gvisor $two
	done
	as nobody "$r" gvisor "$work/bin/berth" run -n 2 -- /usr/bin/python3 -c 'import os, socket, time
server = socket.socket()
server.bind(("127.0.0.1", 3101))
server.listen()
os.fork() or time.sleep(60)'
	grep -q 'w1 w2: listener left open: listener on port 3101' "$work/log"
	report $? 'there the monitor reads /proc/net' "$work/log"
}

# mounted SENTENCE LINE COMMANDS: works() for both users, after COMMANDS have changed mounts
mounted() {
	for user in root nobody; do
		# shellcheck disable=SC2016 # the inner shell expands
		unshare -m --propagation private sh -euc "$3"'
			cd "$1/$2/project" && shift && user=$1 && shift
			exec setpriv --reuid "$user" --clear-groups env -i HOME="$0" PATH=/usr/bin:/bin "$@"' \
			"$work/$user" "$work" "$user" /usr/bin/python3 "$work/two" "$work/bin/berth" >"$work/log" 2>&1 &&
			grep -qE "$2" "$work/log"
		report $? "$1, $user" "$work/log"
	done
}
mounted 'without /sys' 'backend preload' 'umount -R -l /sys'
mounted 'with read-only cgroups' 'backend preload' 'grep -o " /sys/fs/cgroup[^ ]*" /proc/mounts |
	while read -r dir; do mount -o remount,bind,ro "$dir"; done'
mounted 'with 16 KiB of /dev/shm' '2 passed' 'mount -t tmpfs -o size=16k,mode=1777 tmpfs /dev/shm'
mounted 'with a read-only /dev/shm' '2 passed' 'mount -t tmpfs -o ro tmpfs /dev/shm'
mounted 'all read-only but /tmp' '2 passed' 'mount -t tmpfs -o mode=1777 tmpfs /tmp; mount -o remount,bind,ro /'
if ! bwrap --dev-bind / / true 2>"$work/log"; then
	skip 'in bwrap' "bwrap: $(head -n 1 "$work/log")"
	finish
fi
# shellcheck disable=SC2086 # $two is words
for user in root nobody; do
	works 'in bwrap --unshare-net' $user '2 passed' bwrap --dev-bind / / --unshare-net -- $two
	works 'in bwrap --unshare-all' $user '2 passed' \
		bwrap --dev-bind / / --unshare-all -- $two
done
finish
