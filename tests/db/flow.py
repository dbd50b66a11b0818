# SPDX-License-Identifier: MIT
"""COPY through the relay: flow.py PORT SERVER_PORT RELAY_PROGRAM RELAY_PID MEGABYTES

A client or a server that does not read must cost bounded memory. When one side vanishes, the relay closes the other."""
import socket, struct, subprocess, sys, threading, time
import protocol
from protocol import message

GROWTH_MAX_KB = 4096
relay_program, relay_pid = sys.argv[3:5]
port, server_port, megabytes = (int(sys.argv[i]) for i in (1, 2, 5))
ROW = b"x" * 1023 + b"\n"
rows = megabytes * 1024


def memory_kb():
    with open("/proc/%s/status" % relay_pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def until(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "after 20 s: " + what


def activity(pid):
    return control.query("select wait_event from pg_stat_activity where pid = %s" % pid)


def session():
    one = protocol.Session(port)
    return one, one.query("select pg_backend_pid()")[0][0].decode()


def copy_out():
    """COPY to a client that does not read, then does."""
    one, pid = session()
    one.socket.sendall(message(b"Q", b"copy (select repeat('x', 1023) from generate_series(1, %d)) to stdout\0" % rows))
    until(lambda: activity(pid) == [[b"ClientWrite"]], "the server does not wait for a client that does not read")
    assert memory_kb() - before < GROWTH_MAX_KB, "a slow reader costs %d KB" % (memory_kb() - before)
    got, kind = 0, b""
    while kind != b"Z":
        kind, body = one.read()
        got += len(body) if kind == b"d" else 0
    assert got == rows * len(ROW), "COPY out: %d bytes" % got


def copy_in():
    """COPY into a server that does not read until a lock is free, then does."""
    one, pid = session()
    one.query("create table sink (t text); create function wait_once() returns trigger language plpgsql as "
              "$$ begin perform pg_advisory_xact_lock(4711); return null; end $$; "
              "create trigger wait_once before insert on sink for each statement execute function wait_once()")
    control.query("select pg_advisory_lock(4711)")
    one.socket.sendall(message(b"Q", b"copy sink from stdin\0"))
    megabyte = message(b"d", ROW) * 1024
    sent = 0  # of all
    one.socket.settimeout(0.5)
    try:
        while sent < megabytes * len(megabyte):
            sent += one.socket.send(megabyte[sent % len(megabyte):])
        raise AssertionError("a server that does not read takes %d bytes" % sent)
    except TimeoutError:
        pass
    assert memory_kb() - before < GROWTH_MAX_KB, "a slow server costs %d KB" % (memory_kb() - before)
    control.query("select pg_advisory_unlock(4711)")
    one.socket.settimeout(120)
    one.socket.sendall(megabyte[sent % len(megabyte):])
    for _ in range(sent // len(megabyte) + 1, megabytes):
        one.socket.sendall(megabyte)
    one.socket.sendall(message(b"c", b""))
    one.until_ready()
    assert one.query("select count(*), sum(length(t)) from sink") == [[str(rows).encode(), str(rows * 1023).encode()]], "COPY in"
    one.query("drop table sink; drop function wait_once")


def client_vanishes():
    one, pid = session()
    one.socket.sendall(message(b"Q", b"copy (select repeat('x', 1023) from generate_series(1, 10000) a, generate_series(1, 10000) b) to stdout\0"))
    until(lambda: activity(pid) == [[b"ClientWrite"]], "the server does not write")
    one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.socket.close()
    until(lambda: activity(pid) == [], "the session of a client that vanished is still there")


def server_vanishes():
    one, pid = session()
    one.socket.sendall(message(b"Q", b"copy (select repeat('x', 1023) from generate_series(1, 10000) a, generate_series(1, 10000) b) to stdout\0"))
    until(lambda: activity(pid) == [[b"ClientWrite"]], "the server does not write")
    assert control.query("select pg_terminate_backend(%s)" % pid) == [[b"t"]]
    try:
        while one.read()[0] != b"E":
            pass
        while True:
            one.read()
    except EOFError:
        pass


def cancel_key():
    """Protocol 3.2 has keys of up to 256 bytes, which this server may not know: one that does is played here."""
    key, asked = bytes(range(200)), []
    with socket.create_server(("127.0.0.1", 0)) as played:
        def serve():
            while not asked:
                one, _ = played.accept()
                with one:
                    head = one.recv(8, socket.MSG_WAITALL)
                    if len(head) < 8:
                        continue
                    size, code = struct.unpack("!ii", head)
                    rest = one.recv(size - 8, socket.MSG_WAITALL) if size > 8 else b""
                    if code == 80877103:
                        one.sendall(b"N")
                    elif code == 80877102:
                        asked.append(rest)
                    else:
                        one.sendall(message(b"R", struct.pack("!i", 0)) + message(b"K", struct.pack("!i", 77) + key) +
                                    message(b"Z", b"I"))
                        one.recv(1)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        other = port + 1
        command = [relay_program, str(other), "", "127.0.0.1", str(played.getsockname()[1]), "_t1_abcdefgh", "mes_e2e_db"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as relay:
            assert relay.stdout.readline() == b"ready\n"
            with socket.create_connection(("127.0.0.1", other), 20) as one:
                one.sendall(protocol.startup(version=0x30002))
                want = message(b"R", struct.pack("!i", 0)) + message(b"K", struct.pack("!i", 77) + key) + message(b"Z", b"I")
                assert one.recv(len(want), socket.MSG_WAITALL) == want, "a long key reaches the client"
            with socket.create_connection(("127.0.0.1", other), 20) as one:
                one.sendall(struct.pack("!iii", 12 + len(key), 80877102, 77) + key)
                assert one.recv(1) == b"", "a cancel request has no answer"
            thread.join(20)
            relay.terminate()
    assert asked == [struct.pack("!i", 77) + key], "a long key reaches the server: %r" % asked


control = protocol.Session(server_port, database=b"mes_e2e_db_t1_abcdefgh")
session()
before = memory_kb()
for step in (copy_out, copy_in, client_vanishes, server_vanishes, cancel_key):
    step()
    print(step.__name__, "passes;", memory_kb() - before, "KB more")
