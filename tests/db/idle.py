# SPDX-License-Identifier: MIT
"""Open many connections through the relay, keep all of them idle, then ask each one something: idle.py PORT COUNT"""
import os, socket, struct, sys, hashlib, hmac, base64
import protocol

port, count = int(sys.argv[1]), int(sys.argv[2])
sessions = [protocol.Session(port) for _ in range(count)]
for session in sessions:
    assert session.query("select current_database()") == [[b"mes_e2e_db"]], "wrong answer"
print(count, "idle connections answered")
