# SPDX-License-Identifier: MIT
"""Hold COUNT sessions for SECONDS: hold.py PORT COUNT SECONDS"""
import os, select, sys

os.environ.setdefault("PGPASSWORD", "mes_password")
import protocol

sessions = [protocol.Session(int(sys.argv[1])) for _ in range(int(sys.argv[2]))]
select.select([], [], [], float(sys.argv[3]))
