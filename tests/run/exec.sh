#!/bin/sh
# SPDX-License-Identifier: MIT
# `berth exec`: a command in a live worker is like the suite's own programs, under each backend and
# tree, dynamic or static. It has the caller's streams, terminal, signals and status.
. "$(dirname "$0")/lib.sh"

python=$(python3 -c 'import sys; print(sys.executable)') # faster than a wrapper of pyenv
export python
cat >serve.py <<'PY'
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(sys.argv[2].encode())
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("serving", flush=True)
server.serve_forever()
PY
cat >get.py <<'PY'
import http.client, sys
try:
    c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10); c.request("GET", "/")
    print(c.getresponse().read().decode())
except ConnectionRefusedError: print("refused")
PY
cat >static.c <<'C'
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                          .sin_port = htons((unsigned short)atoi(argv[1])) };
	char text[4096];
	long len, all = 0;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (argc < 2 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return puts("refused"), 0;
	if (write(fd, "GET / HTTP/1.0\r\n\r\n", 18) != 18) return 1;
	while ((len = read(fd, text + all, sizeof(text) - 1 - (size_t)all)) > 0) all += len;
	text[all] = 0;
	for (char *at = text; *at; at++)
		if (at[0] == '\n' && at[1] == '\r') return puts(at + 3), 0;
	return 1;
}
C
musl-gcc -static -o static static.c
cat >suite.sh <<'SH'
echo "$BERTH_WORKER" >mine
$python serve.py 3101 "suite $BERTH_WORKER" & trap 'kill $!; wait' EXIT
until [ -e over ]; do sleep 0.05; done
SH
# what the commands in worker 2 see
cat >seen.sh <<'SH'
echo "task $BERTH_TASK worker $BERTH_WORKER in ${PWD##*/} with $(cat mine) of $#"
$python get.py 3101
./static 3101
SH
mkdir sub
start() { # ARGUMENT...: two workers, until both run
	rm -f over
	"$BERTH" run -n 2 "$@" -- sh suite.sh >out 2>err & run=$!
	trap 'kill $run 2>/dev/null; cd /; rm -rf "$top"' EXIT
	for worker in 1 2; do
		wait_for 30 answers "suite $worker" $worker 3101
	done
}
answers() { [ "$1" = "$("$BERTH" exec -w "$2" -- $python get.py "$3" 2>/dev/null)" ]; }
end() {
	"$BERTH" exec -w 1 -- touch over
	"$BERTH" exec -w 2 -- touch over 2>text # with a shared tree it may have ended
	wait $run
}

for pair in preload/overlay preload/shared seccomp/overlay bpf/overlay; do
	backend=${pair%/*} tree=${pair#*/}
	if ! "$BERTH" version | grep -q "^  $backend *works here"; then
		skip "$pair" "$("$BERTH" version | sed -n "s/^  $backend *//p")"
		continue
	fi
	start --backend $backend --tree $tree
	mine=2
	[ $tree = overlay ] || mine=$(cat mine)
	is "task 2 worker 2 in project with $mine of 1
suite 2
suite 2" "$("$BERTH" exec -w 2 -- sh seen.sh one 2>&1)" "$pair: environment, files and servers of the worker, dynamic and static"
	"$BERTH" exec -w 2 --detach -- $python serve.py 3102 extra >pid
	wait_for 20 answers extra 2 3102
	report $? "$pair: a detached server is the worker's own"
	is refused "$("$BERTH" exec -w 1 -- $python get.py 3102)" "$pair: and not its neighbour's"
	is "extra" "$("$BERTH" exec -w 2 -- ./static 3102)" "$pair: also for a static client"
	end
	has "$(cat err)" '2 passed, 0 failed' "$pair: the run is not disturbed"
	none_left; report $? "$pair: a detached server ends with the worker"
done

start --tree overlay
is "sub" "$(cd sub && "$BERTH" exec -w 1 -- sh -c 'echo "${PWD##*/}"')" "it starts in the caller's directory"
is "in out" "$(echo in | "$BERTH" exec -w 1 -- sh -c 'cat; echo out' | tr '\n' ' ' | sed 's/ $//')" "streams are the caller's"
is "err" "$("$BERTH" exec -w 1 -- sh -c 'echo err >&2' 2>&1 >/dev/null)" "standard error is separate"
"$BERTH" exec -w 1 -- sh -c 'exit 7'; is 7 $? "the exit status is the command's"
"$BERTH" exec -w 1 -- sh -c 'kill -KILL $$'; is 137 $? "a signal's is 128 more"
"$BERTH" exec -w 1 -- ./nothing 2>text; is "127 berth: unable to start './nothing': No such file or directory" "$? $(cat text)" "no such command"
"$BERTH" exec -w 1 -- ./mine 2>text; is 126 $? "a command that cannot be executed"
"$BERTH" exec -w 7 -- true 2>text; is 125 $? "no such worker"
has "$(cat text)" "no worker '7': it has 2" "the error names it"
id=$("$BERTH" ps --json | jq -r '.[0].run')
is 2 "$("$BERTH" exec -w "$id.2" -- sh -c 'echo $BERTH_WORKER')" "RUN.N names the worker"
is 2 "$("$BERTH" exec -w 1 -- "$BERTH" exec -w "$id.2" -- sh -c 'echo $BERTH_WORKER' 2>&1)" "from inside a worker, too"

"$BERTH" exec -w 1 -- sh -c 'trap "echo got; exit 9" TERM; : >up; while :; do sleep 0.05; done' >text & client=$!
wait_for 10 "$BERTH" exec -w 1 -- test -e up
kill -TERM $client; wait $client; is "9 got" "$? $(cat text)" "a signal reaches the command"
"$BERTH" exec -w 1 -- sh -c 'echo $$ >up2; exec sleep 60' >text & client=$!
wait_for 10 "$BERTH" exec -w 1 -- test -s up2
kill -KILL $client; wait_for 10 "$BERTH" exec -w 1 -- sh -c '! kill -0 "$(cat up2)"' 2>text
report $? "a client that is killed takes its command along"

cat >terminal.py <<'PY'
import fcntl, os, pty, select, struct, sys, termios, time
pid, fd = pty.fork()
if not pid:
    time.sleep(0.2)
    os.execvp(sys.argv[1], [*sys.argv[1:3], "-w", "2", "--", "bash", "--norc", "--noprofile", "--noediting", "-i"])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
steps = [(b"bash-", b"tty >/dev/null && echo tty-$((1 + 1)); stty size; echo w-$BERTH_WORKER-$TERM\n"),
         (b"\nw-2-", b""), (b"bash-", b"cat\nping\n"), (b"ping\r\nping", b"\x1a"), (b"topped", b""),
         (b"bash-", b"jobs; fg\n"), (b"\ncat\r\n", b"pong\n"), (b"pong\r\npong", b"\x03"),
         (b"bash-", b"echo after-$?\n"), (b"\nafter-", b"exit 5\n")]
out, seen, end = b"", 0, time.time() + 60
while time.time() < end:
    while steps and (at := out.find(steps[0][0], seen)) >= 0:
        seen = at + len(steps[0][0])
        os.write(fd, steps.pop(0)[1])
    if select.select([fd], [], [], 0.1)[0]:
        try: part = os.read(fd, 4096)
        except OSError: break
        if not part: break
        out += part
if time.time() >= end: os.kill(pid, 9)
print(out.decode(errors="replace").replace("\r", ""), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), len(steps))
PY
TERM=vt100 $python terminal.py "$BERTH" exec >text 2>&1
for line in '^tty-2' '^33 101' '^w-2-vt100' 'Stopped.* cat' '^after-[1-9]' ' 5 0$'; do
	has "$(cat text)" "$line" "an interactive shell: $line"
done
"$BERTH" exec -w 1 -- sh -c ': >up3; exec sleep 60' & client=$!
wait_for 10 "$BERTH" exec -w 1 -- test -e up3
end
wait $client; report $(($? == 0)) "a command ends with its worker"
lacks "$(cat err)" 'left' "and is no leak"
"$BERTH" exec -w "$id.1" -- true 2>text; is 125 $? "a run that has ended is an error"
has "$(cat text)" "no run '$id'" "which names it"
none_left && no_files; report $? "nothing is left of all this"
finish
