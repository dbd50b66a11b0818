#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What Go's net tests do and many suites: take a port from the kernel (bind to 0), then say its number. Exits 0 where it works.

It does not under Berth (docs/conformance.md): the number is taken for one that the suite has hardcoded."""
import errno
import socket
import sys

bad = []
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
port = server.getsockname()[1]
second = socket.socket()
try:
    second.bind(("127.0.0.1", port))
    bad.append("a second bind of the kernel's port succeeded, want EADDRINUSE")
except OSError as error:
    if error.errno != errno.EADDRINUSE:
        bad.append("a second bind said %s, want EADDRINUSE" % error)
second.close()
try:
    socket.create_connection(("127.0.0.1", port)).close()
except OSError as error:
    bad.append("after it, a connect to the first server said %s" % error)
six = socket.socket(socket.AF_INET6)
six.bind(("::1", port))
six.listen()
for host in "127.0.0.1", "::1":
    try:
        socket.create_connection((host, port)).close()
    except OSError as error:
        bad.append("with servers on both families, %s said %s" % (host, error))
server.close()
six.close()

# A port that was looked up, served on and given up; later the kernel hands it out again.
look = socket.socket()
look.bind(("127.0.0.1", 0))
port = look.getsockname()[1]
look.close()
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", port))
server.listen()
server.close()
for _ in range(500000):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    if server.getsockname()[1] == port:
        server.listen()
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError as error:
            bad.append("when the kernel gave a port again, a connect to it said %s" % error)
        break
    server.close()
sys.exit("\n".join(bad) or 0)
