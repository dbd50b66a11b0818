# SPDX-License-Identifier: MIT
"""The protocol by hand, for what no client library does: wire.py PORT"""
import base64, hashlib, hmac, os, socket, ssl, struct, sys

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


def refused(port, data):
    """What comes back when @data is the first thing that is sent, up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), 20) as one:
        one.sendall(data)
        got = b""
        while True:
            try:
                part = one.recv(65536)
            except ConnectionResetError:
                return got
            if not part:
                return got
            got += part


def extended(text, values, formats=(), results=()):
    return (message(b"P", b"\0" + text + b"\0" + struct.pack("!h", 0)) +
            message(b"B", b"\0\0" + struct.pack("!h", len(formats)) + b"".join(struct.pack("!h", f) for f in formats) +
                    struct.pack("!h", len(values)) + b"".join(struct.pack("!i", len(v)) + v for v in values) +
                    struct.pack("!h", len(results)) + b"".join(struct.pack("!h", r) for r in results)) +
            message(b"D", b"P\0") + message(b"E", b"\0" + struct.pack("!i", 0)) + message(b"S", b""))


def errors(session):
    return [body for kind, body in session.until_ready() if kind == b"E"]


def long_statements(session):
    """Beyond the 16 MB that the relay holds."""
    fill = b"x" * (20 << 20)
    long = b"select length('" + fill + b"')"
    harmless = (long, long + b" -- drop database postgres", long + b" /* datname */ as x",
                b"select length('" + fill + b"' || $$ database $$ || 'it''s datname, ' || E'it\\'s database') - 37",
                b"insert into mes_e2e_db values ('" + fill + b" database') on conflict do nothing returning length(x) - 9",
                b"insert into mes_e2e_db values ($d$" + fill + b"$dbname$ database$d$) returning length(x) - 17")
    session.query("create temp table mes_e2e_db (x text)")  # a table may be called as the database
    for text in harmless:
        for whole in (message(b"Q", text + b"\0"), extended(text, [])):
            session.socket.sendall(whole)
            assert rows(session.until_ready()) == [[b"20971520"]], "20 MB that name no database pass: %r" % text[-80:]
    telling = (long + b"; drop database postgres", long + b", datname from pg_database",
               b"do $$ begin perform length('" + fill + b"'); drop database postgres; end $$",
               long + b", 'mes_e2e_db.public.witness'::regclass", long + b" from mes_e2e_db . public.witness",
               long + b" from mes_e2e_db /* its */ -- own\n . public.witness",
               b"select 'dbname=mes_e2e_db " + fill + b"' as x, dblink_connect('x')")
    for text in telling:
        named = message(b"P", b"own\0" + text + b"\0\0\0") + message(b"S", b"")
        for whole in (message(b"Q", text + b"\0"), extended(text, []), named):
            cut = len(whole) - 40  # through the word that tells it
            session.socket.sendall(whole[:cut])
            for byte in whole[cut:]:
                session.socket.sendall(bytes([byte]))
            answer = errors(session)
            assert len(answer) == 1 and b"54000" in answer[0], "one that names a database is refused: %r" % answer
    takes = message(b"P", b"takes\0select length($2) from pg_database where datname = $1\0\0\0")
    for name, want in ((b"takes", b"54000"), (b"plain", None)):
        session.socket.sendall(takes + message(b"P", b"plain\0select length($2 || $1) - 10\0\0\0"))
        bind = message(b"B", b"\0" + name + b"\0\0\0" + struct.pack("!hi", 2, 10) + b"mes_e2e_db" + struct.pack("!i", len(fill)) +
                       fill + b"\0\0") + message(b"E", b"\0\0\0\0\0") + message(b"S", b"")
        for byte in bind[:20]:
            session.socket.sendall(bytes([byte]))
        session.socket.sendall(bind[20:])
        answer = session.until_ready()
        told = [body for kind, body in answer if kind == b"E"]
        assert want in told[0] if want else rows(answer) == [[b"20971520"]], "parameters of 20 MB: %r" % told
        session.socket.sendall(b"".join(message(b"C", b"S" + one + b"\0") for one in (b"takes", b"plain")) + message(b"S", b""))
        assert not errors(session)


def main(port):
    ask_tls, ask_gss = struct.pack("!ii", 8, 80877103), struct.pack("!ii", 8, 80877104)
    session = Session(port)
    by_name = b"select datname from pg_database where datname = $1"
    for formats in ((), (0,), (1,)):
        session.socket.sendall(extended(by_name, [b"mes_e2e_db"], formats))
        assert rows(session.until_ready()) == [[b"mes_e2e_db"]], "a parameter compared with datname"
    most = b"select %s, datname from pg_database where datname = $65" % b", ".join(b"$%d" % i for i in range(1, 65))
    session.socket.sendall(extended(most, [b"mes_e2e_db"] * 65))
    assert b"42501" in errors(session)[0], "the 65th parameter is one too many"
    session.socket.sendall(extended(b"update pg_database set datistemplate = $1", [b"t"]))
    assert b"not this worker's" in errors(session)[0], "a refusal with parameters"
    session.socket.sendall(extended(b"select current_database()::text, array[current_database()::text]", [], (), (1,)))
    row = rows(session.until_ready())[0]
    assert row[0] == b"mes_e2e_db", "binary text"
    assert struct.unpack("!i", row[1][20:24])[0] == len(row[1]) - 24, "an array in binary form stays whole"
    session.socket.sendall(message(b"P", b"s\0" + by_name + b"\0\0\0") + message(b"S", b""))
    session.until_ready()
    for _ in range(2):  # a named statement, bound later and more than once
        session.socket.sendall(message(b"B", b"\0s\0\0\0" + struct.pack("!hi", 1, 10) + b"mes_e2e_db" + b"\0\0") +
                               message(b"E", b"\0\0\0\0\0") + message(b"S", b""))
        assert rows(session.until_ready()) == [[b"mes_e2e_db"]], "a named statement"
    many = b"".join(extended(b"select " + str(i).encode(), []) for i in range(500))
    session.socket.sendall(many + message(b"Q", b"drop database postgres\0") + message(b"Q", b"select 'after'\0"))
    for i in range(500):
        assert rows(session.until_ready()) == [[str(i).encode()]], "pipelined"
    answer = session.until_ready()
    assert b"42501" in answer[0][1] and b"inline_code_block" not in answer[0][1], "refused in its turn: %r" % answer
    assert rows(session.until_ready()) == [[b"after"]], "and what follows is served"
    for text in (by_name + b" -- ", b"select 1 -- "):  # a byte at a time, and big
        for byte in extended(text + b"x" * 300, [b"mes_e2e_db"] if b"$1" in text else []):
            session.socket.sendall(bytes([byte]))
        assert len(rows(session.until_ready())) == 1, "a byte at a time"
    big = "select length('%s') from pg_database where datname = 'mes_e2e_db'" % ("x" * 3000000)
    assert session.query(big) == [[b"3000000"]], "a statement of 3 MB that has to be rewritten"
    long_statements(session)
    assert session.query("select 'still here'") == [[b"still here"]], "and the session goes on"
    many = "select 1" + ", 1" * 1000000 + "; select datname from pg_database where datname = 'mes_e2e_db'"
    try:
        raise AssertionError("more tokens than are read: %r" % session.query(many)[:1])
    except ValueError as error:
        assert b"too long to be understood" in error.args[0], "more tokens than are read: %r" % error
    row = session.query("select repeat('x', 3000000), current_database()")[0]
    assert (len(row[0]), row[1]) == (3000000, b"mes_e2e_db"), "a row of 3 MB"
    newer = Session(port, version=0x30002)
    assert newer.query("select 1") == [[b"1"]], "protocol 3.2"
    assert newer.negotiated[:4] == struct.pack("!i", 0x30000), "whose server says what it speaks: %r" % newer.negotiated
    direct = Session(port, protocol="postgresql")
    assert direct.socket.selected_alpn_protocol() == "postgresql", "direct TLS"
    assert direct.query("select current_database(), repeat('x', 100000)") == [[b"mes_e2e_db", b"x" * 100000]], "direct TLS"
    direct.socket.suppress_ragged_eofs = False
    direct.socket.sendall(message(b"X", b""))
    assert direct.socket.recv(10) == b"", "the end of TLS arrives"
    try:
        raise AssertionError("TLS for another protocol: %r" % Session(port, protocol="http/1.1"))
    except (ssl.SSLError, ConnectionError):
        pass
    assert refused(port, ask_tls + startup())[-1:] == b"\0" and b"08P01" in refused(port, ask_tls + startup()), "bytes before an answer"
    with socket.create_connection(("127.0.0.1", port), 20) as one:
        one.sendall(ask_gss)
        assert one.recv(10) == b"N", "GSSENCRequest"
        one.sendall(ask_tls)
        assert one.recv(10) in (b"N", b"S"), "then SSLRequest"
    assert b"after GSSAPI" in refused(port, ask_gss + startup()), "bytes before that answer"
    with socket.create_connection(("127.0.0.1", port), 20) as one:
        one.sendall(ask_gss)
        assert one.recv(1) == b"N"
        one.sendall(ask_gss)
        assert b"0A000" in one.recv(1000), "asked again"
    for packet in struct.pack("!ii", 20000, 0x30000), message(b"X", b"") + startup():
        assert refused(port, packet) == b"", "a packet of impossible length gets no answer: %r" % packet[:8]
    assert b"08P01" in refused(port, struct.pack("!ii", 9, 0x30000) + b"x"), "not terminated"
    assert b"0A000" in refused(port, struct.pack("!ii", 20, 0x20000) + b"\0" * 12), "protocol 2"
    half = Session(port)
    half.socket.sendall(message(b"Q", b"select 'half'\0"))
    assert rows(half.until_ready()) == [[b"half"]]
    half.socket.shutdown(socket.SHUT_WR)
    assert half.socket.recv(10) == b"", "half-open: the relay closes too"
    asks = Session(port)
    asks.socket.sendall(message(b"Q", b"select pg_sleep(0.1), current_database(), repeat('x', 1000000)\0"))
    asks.socket.shutdown(socket.SHUT_WR)
    assert rows(asks.until_ready()) == [[b"", b"mes_e2e_db", b"x" * 1000000]], "who has said all still hears the answer"
    assert asks.socket.recv(10) == b"", "and then the end"
    gone = Session(port)
    gone.socket.sendall(message(b"Q", b"create table if not exists last_words (x int)\0") + message(b"X", b""))
    gone.socket.close()
    broken = Session(port)
    broken.socket.sendall(b"Q" + struct.pack("!i", 2))
    assert broken.socket.recv(100) == b"", "a length below four ends the connection"
    print("the protocol is kept")


if __name__ == "__main__":
    main(int(sys.argv[1]))
