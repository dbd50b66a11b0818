#!/bin/sh
# SPDX-License-Identifier: MIT
# A run inside a worker of another run: the inner workers have port 3101 each, under every outer
# backend, and Berth prints nothing.
. "$(dirname "$0")/lib.sh"

cat >server.py <<'P'
import os, socket, time
server = socket.create_server(("127.0.0.1", 3101))
open("bound" + os.environ["BERTH_WORKER"], "w").close()
end = time.monotonic() + 10
while not (os.path.exists("bound1") and os.path.exists("bound2")) and time.monotonic() < end:
    time.sleep(0.01)
client = socket.create_connection(server.getsockname())
print(client.getpeername()[1], client.send(b"x"), server.accept()[0].recv(1), time.monotonic() < end)
P
for backend in preload seccomp bpf; do
	"$BERTH" run --backend $backend --tree shared -- true >out 2>err || {
		skip "outer backend $backend" "it does not work here"
		continue
	}
	rm -f bound*
	"$BERTH" run --backend $backend --tree shared -- "$BERTH" run -n 2 --tree shared -- python3 server.py >out 2>err
	is "0 w1 | 3101 1 b'x' True|w2 | 3101 1 b'x' True|" "$? $(sort out | tr '\n' '|')" "outer backend $backend: two inner workers, one port"
	lacks "$(cat err)" 'moved on|foreign|outside' "and the outer run has nothing to say"
done
finish
