#!/bin/sh
# SPDX-License-Identifier: MIT
# Root's run listens on unix sockets whose paths /proc/net/unix shows to everybody, and which its workers of other users may need:
# a process that is not of the run is not served there, and cannot enter a plain user's at all.
. "$(dirname "$0")/lib.sh"

cat >"$work/knock" <<'KNOCK'
import socket, struct, sys
paths = [line.split()[-1] for line in open("/proc/net/unix") if line.rstrip().endswith("/net") and sys.argv[1] in line]
paths = [path for path in paths if path.split("/")[3] in sys.argv[2]]  # runs outside of this /tmp have the same path
if len(paths) != 1:
    sys.exit("there is no such socket: %s" % paths)
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(10)
try:
    s.connect(paths[0])
    s.send(struct.pack("=II", 0x4E455431, 1))
    print("served" if s.recv(65536) else "closed")
except (PermissionError, ConnectionError, BrokenPipeError) as error:
    print("closed" if not isinstance(error, PermissionError) else "no entry")
KNOCK
run_as root preload
is closed "$(nobody /usr/bin/python3 "$work/knock" /berth-0/ "$(ls /tmp/berth-0)" 2>&1)" 'another user does not get a filter from root'\''s run'
is closed "$(/usr/bin/python3 "$work/knock" /berth-0/ "$(ls /tmp/berth-0)" 2>&1)" 'nor does root from outside of the run'
end_run root
run_as nobody preload
is 'no entry' "$(setpriv --reuid 65533 --regid nogroup --clear-groups /usr/bin/python3 "$work/knock" /berth-65534/ "$(ls /tmp/berth-65534)" 2>&1)" \
	'another user cannot reach the sockets of a plain user'\''s run'
end_run nobody
# and the one whom it is for is: a worker of root's that has become somebody else starts a static program
cat >"$work/static.c" <<'STATIC'
#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(3101), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&in, sizeof(in)))
		return perror("bind"), 1;
	return listen(fd, 1);
}
STATIC
gcc -static -o "$work/static" "$work/static.c"
holder='import socket, subprocess, sys; s = socket.socket(); s.bind(("127.0.0.1", 3101)); s.listen(); sys.exit(subprocess.call(sys.argv[1:]))'
said=$(cd "$work/root" && /usr/bin/python3 -c "$holder" "$BERTH" run --backend preload --tree shared -- \
	setpriv --reuid nobody --regid nogroup --clear-groups "$work/static" 2>&1)
report $? 'a static program of a worker that gave root up is served' "$said"
finish
