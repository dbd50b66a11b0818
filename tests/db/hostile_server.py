# SPDX-License-Identifier: MIT
"""A PostgreSQL server that breaks the protocol, for hostile.py.

The database that a client asks the relay for, or the role of berth's own connections, names what the server does."""
import contextlib, random, socket, struct, threading, time

FLOOD = 48 << 20
SUFFIX = b"_t1_abcdefgh"
RANDOM = random.Random(2111)


def message(kind, body=b"", length=None):
    return kind + struct.pack("!I", (len(body) + 4 if length is None else length) & 0xffffffff) + body


def startup(database, user=b"u"):
    body = struct.pack("!I", 0x30000) + b"user\0" + user + b"\0database\0" + database + b"\0\0"
    return struct.pack("!I", len(body) + 4) + body


AUTHENTICATED, READY = message(b"R", struct.pack("!I", 0)), message(b"Z", b"I")
HANDSHAKE = AUTHENTICATED + message(b"S", b"server_version\0" b"15.0\0") + message(b"S", b"standard_conforming_strings\0on\0") + \
    message(b"K", struct.pack("!II", 42, 4242)) + READY
ROW = message(b"T", struct.pack("!H", 1) + b"x\0" + struct.pack("!IHIhih", 0, 0, 25, -1, -1, 0)) + \
    message(b"D", struct.pack("!HI", 1, 2) + b"42") + message(b"C", b"SELECT 1\0") + READY
ERROR = message(b"E", b"SFATAL\0C57P03\0Mno\0\0")
NO_TLS = message(b"E", b"SFATAL\0C28000\0Mno pg_hba.conf entry for host, no encryption\0\0")


def flood(kind, body, unit):
    """A message with a length of one GB, and FLOOD bytes of it."""
    return message(kind, body, (1 << 30) - 8) + unit * (FLOOD // len(unit))


# what the server sends instead of its handshake, at once; then it closes
MESSAGES = {
    b"length_max": message(b"R", b"\0\0\0\0", 0x7fffffff),
    b"length_negative": message(b"R", b"\0\0\0\0", -1),
    b"length_none": message(b"R", b"", 0),
    b"length_short": message(b"E", b"", 3),
    b"error_endless": flood(b"E", b"SFATAL\0C57P03\0M", b"x" * 4096),
    b"error_large": message(b"E", b"SFATAL\0C57P03\0M" + b"x" * (15 << 20) + b"\0\0"),
    b"error_unterminated": message(b"E", b"SFATAL\0C57P03\0Mxxx"),
    b"error_empty": message(b"E"),
    b"error_fields": message(b"E", bytes(RANDOM.randrange(1, 256) for _ in range(2000))),
    b"parameters_endless": message(b"S", b"name\0" + b"v" * 1000 + b"\0") * (FLOOD // 1000),
    b"parameter_unterminated": AUTHENTICATED + message(b"S", b"standard_conforming_strings") + message(b"S") + ERROR,
    b"notices_endless": message(b"N", b"SNOTICE\0C00000\0M\x1b[2Jnote\0\0") * (FLOOD // 100),
    b"negotiation": message(b"v", struct.pack("!II", 0x30000, 0x7fffffff) + b"_pq_.x") + message(b"v") + ERROR,
    b"key_short": AUTHENTICATED + message(b"K", b"\0\0\0") + ERROR,
    b"key_long": AUTHENTICATED + message(b"K", b"\1" * (1 << 20)) + ERROR,
    b"authentication_unknown": message(b"R", struct.pack("!I", 12345)) + ERROR,
    b"authentication_short": message(b"R", b"\0\0") + ERROR,
    b"sasl_unterminated": message(b"R", struct.pack("!I", 10) + b"SCRAM-SHA-256") + ERROR,
    b"md5_without_salt": message(b"R", struct.pack("!I", 5)) + ERROR,
    b"status_none": AUTHENTICATED + message(b"Z") + ERROR,
    b"status_unknown": AUTHENTICATED + message(b"Z", b"\xff") + ERROR,
    b"rows_unasked": HANDSHAKE + message(b"D", struct.pack("!H", 65535) + SUFFIX) + message(b"D", b"\1" + SUFFIX) +
    message(b"D", struct.pack("!HI", 1, 0x7fffffff) + SUFFIX) + message(b"D", struct.pack("!HI", 1, 0xfffffffe) + SUFFIX) + message(b"D") + ERROR,
    b"suffixes": HANDSHAKE + message(b"N", b"SNOTICE\0M" + SUFFIX * 20000 + b"\0\0") + ERROR,
    b"garbage": bytes(RANDOM.randrange(256) for _ in range(100000)),
    b"nothing": b"",
}
# answers to SSLRequest, after the server has insisted on TLS; bytes ahead of TLS are CVE-2021-23222
TLS_ANSWERS = {b"tls_stuffed": b"S" + HANDSHAKE, b"tls_refused": b"N", b"tls_unknown": b"?", b"tls_error": ERROR, b"tls_end": b"",
               b"tls_garbage": b"S\x16\x03\x01\xff\xff" + b"\xee" * 70000, b"tls_alert": b"S\x15\x03\x03\x00\x02\x02\x28"}
# answers to each statement of berth's own, after a good handshake; each lacks the last column
ANSWERS = {
    b"columns_none": message(b"T", b"\0\0") + message(b"D", b"\0\0") + message(b"C", b"SELECT 1\0") + READY,
    b"columns_more": message(b"T", b"\xff\xff") + message(b"D", b"\xff\xff") + READY,
    b"rows_only": message(b"D", struct.pack("!HI", 1, 1) + b"t") * 3 + message(b"C", b"SELECT 3\0") + READY,
    b"errors_escape": message(b"E", b"SERROR\0C42501\0M\x1b]0;taken\x07\0\0") + READY,
    b"notices": message(b"N", b"SNOTICE\0C00000\0M\x1b[2Jnotice of the server\0\0") * 1000 + ERROR + READY,
    b"copy": message(b"G", b"\0\0\0") + message(b"W", b"\0\0\0"),
    b"garbage_later": bytes(RANDOM.randrange(256) for _ in range(5000)),
    b"closes": None,
}


class Server:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.port = self.listener.getsockname()[1]
        self.tls_pending = set()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.quietly, args=(client,), daemon=True).start()

    def quietly(self, client):
        with client, contextlib.suppress(OSError, EOFError):
            client.settimeout(60)
            self.serve(client)

    def serve(self, client):
        tls = False
        while True:
            packet = exactly(client, struct.unpack("!I", exactly(client, 4))[0] - 4)
            code = struct.unpack("!I", packet[:4])[0]
            if code == 80877103:
                tls = True
                pending = next((name for name in TLS_ANSWERS if name in self.tls_pending), None)
                self.tls_pending.discard(pending)
                client.sendall(TLS_ANSWERS[pending] if pending else b"N")
                if pending:
                    return exactly(client, 1 << 20) if TLS_ANSWERS[pending] else None
            elif code >> 16 != 3:
                return None
            else:
                break
        words = packet[4:].split(b"\0")
        named = dict(zip(words[::2], words[1::2]))
        name = named[b"database"].removesuffix(SUFFIX) if named[b"user"] == b"u" else named[b"user"]
        return self.act(client, name)

    def act(self, client, name):
        if name in MESSAGES:
            client.sendall(MESSAGES[name])
        elif name in TLS_ANSWERS:
            self.tls_pending.add(name)
            client.sendall(NO_TLS)
        elif name.startswith(b"cut"):
            client.sendall(HANDSHAKE[:int(name[3:])])
        elif name == b"reset":
            client.sendall(HANDSHAKE[:9])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif name == b"drip":
            for byte in HANDSHAKE:
                client.sendall(bytes([byte]))
                time.sleep(0.005)
            self.answer(client, ROW)
        elif name == b"silent":
            exactly(client, 1 << 30)
        elif name == b"silent_later":
            client.sendall(HANDSHAKE)
            exactly(client, 1 << 30)
        else:
            client.sendall(HANDSHAKE)
            self.answer(client, ANSWERS.get(name, ROW))

    def answer(self, client, what):
        while True:
            header = exactly(client, 5)
            exactly(client, struct.unpack("!I", header[1:])[0] - 4)
            if header[:1] in b"QS":
                if what is None:
                    return
                client.sendall(what)
            elif header[:1] == b"X":
                return


def exactly(peer, count):
    data = b""
    while len(data) < count:
        part = peer.recv(min(count - len(data), 1 << 16))
        if not part:
            raise EOFError
        data += part
    return data
