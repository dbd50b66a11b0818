# SPDX-License-Identifier: MIT
"""TCP and UDP over both families, Unix sockets, several failures.

What is open at the end stays open for HOLD seconds."""
import os, select, socket, time
LOCAL = "127.0.0.1"
kept = []
def fails(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        return
    raise SystemExit("%s should have failed" % call)
for family, local in (socket.AF_INET, LOCAL), (socket.AF_INET6, "::1"):
    server = socket.create_server((local, 0), family=family)
    for turn in range(4):
        kept += [socket.create_connection(server.getsockname()[:2]), server.accept()[0]]
    rival = socket.socket(family, socket.SOCK_STREAM)
    fails(rival.bind, server.getsockname())
    kept += [server, rival]  # the rival has no port
fails(kept[-1].bind, ("2001:db8::1", 4000))
fails(socket.socket().bind, ("192.0.2.1", 4000))
bound = socket.socket()
bound.bind((LOCAL, 0))  # and never listens
fails(socket.create_connection, bound.getsockname())
echo, sender = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "ab")
echo.bind((LOCAL, 0))
sender.connect(echo.getsockname())
sender.send(b"x")
gone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
gone.connect(bound.getsockname())  # as if its number were a UDP server's
gone.send(b"x")
select.select([gone], [], [], 9)  # until the refusal has arrived
fails(gone.send, b"x")
name = "\0of " + str(os.getpid())
local, rival = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
local.bind(name)
fails(rival.connect, name)  # bound, but not listening yet
local.listen()
fails(rival.bind, name)
fails(rival.connect, "/nowhere/at/all")
kept[0].shutdown(socket.SHUT_WR)
fails(kept[0].send, b"x")
kept[3].close()  # leaves CLOSE_WAIT at its client
time.sleep(float(os.environ.get("HOLD", 0)))
