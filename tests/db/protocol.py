# SPDX-License-Identifier: MIT
"""PostgreSQL's protocol by hand: messages, and a session that logs in by SCRAM. For the other programs here."""
import base64, hashlib, hmac, os, socket, ssl, struct

PASSWORD = os.environ["PGPASSWORD"].encode()


def message(kind, body):
    return kind + struct.pack("!i", len(body) + 4) + body


def startup(database=b"mes_e2e_db", version=0x30000, **more):
    body = struct.pack("!i", version) + b"user\0mes_user\0database\0" + database + b"\0"
    for key, value in more.items():
        body += key.encode() + b"\0" + value + b"\0"
    body += b"\0"
    return struct.pack("!i", len(body) + 4) + body


class Session:
    def __init__(self, port, protocol=None, **more):
        """@protocol: TLS from the first byte on, which offers it (sslnegotiation=direct of PostgreSQL 17)"""
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        if protocol:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols([protocol])
            self.socket = context.wrap_socket(self.socket)
        self.data = b""
        self.socket.sendall(startup(**more))
        self.authenticate()

    def exactly(self, count):
        while len(self.data) < count:
            part = self.socket.recv(65536)
            if not part:
                raise EOFError(self.data)
            self.data += part
        part, self.data = self.data[:count], self.data[count:]
        return part

    def read(self):
        kind = self.exactly(1)
        return kind, self.exactly(struct.unpack("!i", self.exactly(4))[0] - 4)

    def authenticate(self):
        nonce = base64.b64encode(os.urandom(12))
        first = b"n=,r=" + nonce
        while True:
            kind, body = self.read()
            if kind == b"E":
                raise PermissionError(body)
            if kind == b"Z":
                return
            if kind == b"v":
                self.negotiated = body
            if kind != b"R":
                continue
            code, rest = struct.unpack("!i", body[:4])[0], body[4:]
            if code == 10:
                reply = b"n,," + first
                self.socket.sendall(message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(reply)) + reply))
            elif code == 11:
                fields = dict(f.split(b"=", 1) for f in rest.split(b","))
                salted = hashlib.pbkdf2_hmac("sha256", PASSWORD, base64.b64decode(fields[b"s"]), int(fields[b"i"]))
                key = hmac.digest(salted, b"Client Key", "sha256")
                last = b"c=biws,r=" + fields[b"r"]
                signed = hmac.digest(hashlib.sha256(key).digest(), first + b"," + rest + b"," + last, "sha256")
                proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signed)))
                self.socket.sendall(message(b"p", last + b",p=" + proof))

    def until_ready(self):
        messages = []
        while not messages or messages[-1][0] != b"Z":
            messages.append(self.read())
        return messages

    def query(self, text):
        self.socket.sendall(message(b"Q", text.encode() + b"\0"))
        return rows(self.until_ready())


def rows(messages):
    found = []
    for kind, body in messages:
        if kind == b"E":
            raise ValueError(body)
        if kind != b"D":
            continue
        row, at = [], 2
        for _ in range(struct.unpack("!h", body[:2])[0]):
            size = struct.unpack("!i", body[at:at + 4])[0]
            row.append(body[at + 4:at + 4 + size] if size >= 0 else None)
            at += 4 + max(size, 0)
        found.append(row)
    return found


def extended(text, values, formats=(), results=()):
    return (message(b"P", b"\0" + text + b"\0" + struct.pack("!h", 0)) +
            message(b"B", b"\0\0" + struct.pack("!h", len(formats)) + b"".join(struct.pack("!h", f) for f in formats) +
                    struct.pack("!h", len(values)) + b"".join(struct.pack("!i", len(v)) + v for v in values) +
                    struct.pack("!h", len(results)) + b"".join(struct.pack("!h", r) for r in results)) +
            message(b"D", b"P\0") + message(b"E", b"\0" + struct.pack("!i", 0)) + message(b"S", b""))


def errors(session):
    return [body for kind, body in session.until_ready() if kind == b"E"]
