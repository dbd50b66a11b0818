#!/bin/sh
# SPDX-License-Identifier: MIT
# The sockets of root's run, whose paths /proc/net/unix shows to everyone and which workers of other users may need:
# a process outside the run gets no answer there, and cannot reach those of another user's run at all.
. "$(dirname "$0")/lib.sh"

cat >"$work/knock" <<'KNOCK'
import socket, struct, sys
paths = [line.split()[-1] for line in open("/proc/net/unix") if line.rstrip().endswith("/listener") and sys.argv[1] in line]
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
# Every file of a run below /tmp, opened by a user who knows its path
cat >"$work/try" <<'TRY'
import os, socket, stat, sys
done = []
for path in sys.stdin.read().split("\n")[:-1]:
    kind, mode = path.split(" ", 2)[0], ""
    path = path.split(" ", 1)[1]
    name = os.path.basename(path)
    for way, flags in (("r", os.O_RDONLY), ("w", os.O_WRONLY)):
        try:
            os.close(os.open(path, flags | os.O_NONBLOCK))
            mode += way
        except OSError:
            pass
    if kind == "s":
        for type in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_UNIX, type) as s:
                try:
                    s.connect(path)
                    mode += "c"
                except OSError:
                    pass
    if kind == "d" and os.access(path, os.W_OK):
        mode += "w"
    if mode:
        done.append(f"{kind}:{mode}:{'map' if path.endswith('.map') else name.split('-')[0] if kind == 'p' else name}")
print(" ".join(sorted(done)))
TRY
everything() { find /tmp/berth-"$1"/ /tmp/berth-trees-"$1"/ -mindepth 1 -printf '%y %p\n' 2>/dev/null; }
as() { setpriv --reuid "$1" --regid nogroup --clear-groups /usr/bin/python3 "$work/try"; }
run_as root preload
everything 0 >"$work/everything"
[ "$(wc -l <"$work/everything")" -ge 5 ]; report $? 'a run has files, a FIFO and a socket'
is 'd:rw:w1-tmp f:rw:map p:w:mark s:c:listener' "$(as nobody <"$work/everything")" 'root'\''s run: another user who knows every name opens only what a worker needs that has given up root'
end_run root
run_as nobody preload
everything 65534 >"$work/everything"
is '' "$(as 65533 <"$work/everything")" 'a plain user'\''s run: another user opens nothing at all'
end_run nobody
# A worker of root that has changed its user starts a static program: it is served.
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
report $? 'a static program of a worker that gave up root is served' "$said"
finish
