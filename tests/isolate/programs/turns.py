# SPDX-License-Identifier: MIT
"""turns.py [GO [TURNS FILE [fast]]]: bind and connect to port 4980, and tell under which ports.

Waits for the file GO to appear. Prints the ports, or writes them to FILE, TURNS times; an error is printed by its name.
"""
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
