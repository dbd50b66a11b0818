# SPDX-License-Identifier: MIT
# Sourced by the scripts beside it: a directory of the test's own that everybody may enter, and the build under test.
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=${BERTH_OUT:-$top/.out}
case $out in "$top/.out") mode='' ;; *) mode=m=${out##*/} ;; esac
work=$(mktemp -d /tmp/berth-install.XXXXXX)
chmod 755 "$work"
trap 'cd /; rm -rf "$work"' EXIT
export XDG_STATE_HOME="$work/state"
unset XDG_RUNTIME_DIR BERTH_PROFILE CI
. "$here/../tap.sh"

# Two workers bind one port at the same time: each stays until the other has bound it as well, or 10 s.
cat >"$work/suite" <<'SUITE'
import os, socket, sys, time
s = socket.socket()
s.bind(("127.0.0.1", 3101))
s.listen()
open(os.path.join(sys.argv[1], "bound." + os.environ["BERTH_WORKER"]), "w").close()
end = time.monotonic() + 10
while len([f for f in os.listdir(sys.argv[1]) if f.startswith("bound.")]) < 2:
    if time.monotonic() > end:
        sys.exit("the other worker did not bind")
    time.sleep(0.02)
SUITE

# try_berth PROGRAM USER BACKEND: both workers of a run bind 3101
try_berth() {
	rm -rf "$work/try"
	mkdir -m 777 "$work/try" "$work/try/met" "$work/try/home"
	chmod 777 "$work/try"/*
	as=
	[ "$2" = "$(id -un)" ] || as="setpriv --reuid $2 --regid nogroup --clear-groups"
	# shellcheck disable=SC2086
	(cd "$work/try/home" && HOME=$PWD XDG_STATE_HOME=$PWD $as "$1" run --backend "$3" --tree shared -n 2 -- python3 "$work/suite" "$work/try/met") \
		>"$work/try/log" 2>&1
}
# makes_archives: `make dist` has its place on the oldest release that is built on, in the plain build
makes_archives() { [ -z "$mode" ] && grep -qs '^12' /etc/debian_version; }
users() { if [ "$(id -u)" = 0 ]; then echo root nobody; else id -un; fi; }
