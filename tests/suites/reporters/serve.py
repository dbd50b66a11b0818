#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A server that nobody ends: says on stdout when it listens on port 3166, or its argument."""
import os
import socket
import sys
import time

server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int((sys.argv + [3166])[1])))
server.listen()
os.write(1, b"up\n")  # at once: who reads it then goes away
time.sleep(60)
