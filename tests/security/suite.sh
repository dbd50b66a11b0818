#!/bin/sh
# SPDX-License-Identifier: MIT
# A worker of root's run that has given root up gains nothing back through its port map, which it may write, though root's
# supervisor acts by it.
. "$(dirname "$0")/lib.sh"
hostile=$work/hostile
cp "${BERTH_OUT:-$here/../../.out}/tests/security/hostile" "$hostile"
chmod 755 "$hostile"
drop='setpriv --reuid nobody --regid nogroup --clear-groups'

mkdir -m 700 "$work/private"
cat >"$work/serve" <<'SERVE'
import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1]), os.chmod(sys.argv[1], 0o600), s.listen()
open(sys.argv[1] + ".ready", "w").close()
while True:
    c, _ = s.accept()
    c.send(b"you are user %d" % struct.unpack("3i", c.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])
    c.close()
SERVE
/usr/bin/python3 "$work/serve" "$work/private/socket" & server=$!
tries=100
until [ -e "$work/private/socket.ready" ] || [ $tries = 0 ]; do sleep 0.05; tries=$((tries - 1)); done

for backend in preload seccomp; do
	run() { (cd "$work/root" && "$BERTH" run --tree shared --backend $backend "$@" 2>"$work/err"); }
	# shellcheck disable=SC2086
	said=$(run -- $drop "$hostile" connect "$work/private/socket")
	is refused "$said" "$backend: a rule of its own does not have the supervisor connect to root's socket"
	# a queue: the supervisor has all its rights until the last worker has started
	# shellcheck disable=SC2086
	said=$(run --output group -n 2 -j 1 -- $drop "$hostile" bind 87)
	is 2 "$(printf '%s\n' "$said" | grep -c '^refused')" "$backend: nor bind a port under 1024"
done
kill $server; wait $server
finish
