# SPDX-License-Identifier: MIT
"""What no client library does, through the relay: wire.py PORT"""
import socket, ssl, struct, sys
from protocol import Session, errors, extended, message, rows, startup


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


def long_statements(session):
    """Beyond the 16 MB that the relay holds."""
    fill = b"x" * (20 << 20)
    long = b"select length('" + fill + b"')"
    harmless = (long, long + b" -- drop database postgres", long + b" /* datname */ as x",
                b"select length('" + fill + b"' || $$ database $$ || 'it''s datname, ' || E'it\\'s database') - 37",
                b"insert into mes_e2e_db values ('" + fill + b" database') on conflict do nothing returning length(x) - 9",
                b"insert into mes_e2e_db values ($d$" + fill + b"$dbname$ database$d$) returning length(x) - 17")
    session.query("create temp table mes_e2e_db (x text)")  # a table may have the name of the database
    for text in harmless:
        for whole in (message(b"Q", text + b"\0"), extended(text, [])):
            session.socket.sendall(whole)
            assert rows(session.until_ready()) == [[b"20971520"]], "20 MB that name no database pass: %r" % text[-80:]
    naming = (long + b"; drop database postgres", long + b", datname from pg_database",
               b"do $$ begin perform length('" + fill + b"'); drop database postgres; end $$",
               long + b", 'mes_e2e_db.public.witness'::regclass", long + b" from mes_e2e_db . public.witness",
               long + b" from mes_e2e_db /* its */ -- own\n . public.witness",
               b"select 'dbname=mes_e2e_db " + fill + b"' as x, dblink_connect('x')")
    for text in naming:
        named = message(b"P", b"own\0" + text + b"\0\0\0") + message(b"S", b"")
        for whole in (message(b"Q", text + b"\0"), extended(text, []), named):
            cut = len(whole) - 40  # inside the word that names a database
            session.socket.sendall(whole[:cut])
            for byte in whole[cut:]:
                session.socket.sendall(bytes([byte]))
            answer = errors(session)
            assert len(answer) == 1 and b"54000" in answer[0], "20 MB that name a database are refused: %r" % answer
    takes = extended(b"select length($2) from pg_database where datname = $1", [b"mes_e2e_db", fill])
    session.socket.sendall(takes)
    assert rows(session.until_ready()) == [[b"20971520"]], "a parameter of 20 MB"


def parameters(session):
    by_name = b"select datname from pg_database where datname = $1"
    for formats in ((), (0,), (1,)):
        session.socket.sendall(extended(by_name, [b"mes_e2e_db"], formats))
        assert rows(session.until_ready()) == [[b"mes_e2e_db"]], "a parameter compared with datname"
    many = b"select datname from pg_database where datname = $65 and %s" % b" and ".join(b"$%d <> ''" % i for i in range(1, 65))
    session.socket.sendall(extended(many, [b"mes_e2e_db"] * 65))
    assert rows(session.until_ready()) == [[b"mes_e2e_db"]], "the 65th parameter"
    session.socket.sendall(extended(b"update pg_database set datistemplate = $1", [b"t"]))
    assert b"not this worker's" in errors(session)[0], "a refusal with parameters"
    session.socket.sendall(message(b"P", b"s\0" + by_name + b"\0\0\0") + message(b"S", b""))
    session.until_ready()
    for _ in range(2):  # a named statement, bound later and more than once
        bind = b"\0s\0\0\0" + struct.pack("!hi", 1, 10) + b"mes_e2e_db" + b"\0\0"
        session.socket.sendall(message(b"B", bind) + message(b"E", b"\0\0\0\0\0") + message(b"S", b""))
        assert rows(session.until_ready()) == [[b"mes_e2e_db"]], "a named statement"
    for text in (by_name + b" -- ", b"select 1 -- "):  # single bytes
        for byte in extended(text + b"x" * 300, [b"mes_e2e_db"] if b"$1" in text else []):
            session.socket.sendall(bytes([byte]))
        assert len(rows(session.until_ready())) == 1, "a statement in single bytes"


def results(session):
    array = b"select current_database()::text, array[current_database()::text]"
    session.socket.sendall(extended(array, [], (), (1,)))
    row = rows(session.until_ready())[0]
    assert row[0] == b"mes_e2e_db", "binary text"
    assert struct.unpack("!i", row[1][20:24])[0] == len(row[1]) - 24, "an array in binary form stays whole"
    row = session.query("select repeat('x', 3000000), current_database()")[0]
    assert (len(row[0]), row[1]) == (3000000, b"mes_e2e_db"), "a row of 3 MB"


def pipelining(session):
    many = b"".join(extended(b"select " + str(i).encode(), []) for i in range(500))
    refused_one = message(b"Q", b"drop database postgres\0")
    session.socket.sendall(many + refused_one + message(b"Q", b"select 'after'\0"))
    for i in range(500):
        assert rows(session.until_ready()) == [[str(i).encode()]], "pipelined"
    answer = session.until_ready()
    error = answer[0][1]
    assert b"42501" in error and b"inline_code_block" not in error, "refused in its turn: %r" % answer
    assert rows(session.until_ready()) == [[b"after"]], "the next statement is served"


def big_statements(session):
    big = "select length('%s') from pg_database where datname = 'mes_e2e_db'" % ("x" * 3000000)
    assert session.query(big) == [[b"3000000"]], "a statement of 3 MB that is rewritten"
    long_statements(session)
    assert session.query("select 'still here'") == [[b"still here"]], "the session continues"
    many = "select 1" + ", 1" * 1000000 + "; select datname from pg_database where datname = 'mes_e2e_db'"
    try:
        raise AssertionError("more than a million tokens: %r" % session.query(many)[:1])
    except ValueError as error:
        assert b"too long to be understood" in error.args[0], "more than a million tokens: %r" % error


def versions(port):
    newer = Session(port, version=0x30002)
    assert newer.query("select 1") == [[b"1"]], "protocol 3.2"
    assert newer.negotiated[:4] == struct.pack("!i", 0x30000), "the server's version: %r" % newer.negotiated
    assert b"0A000" in refused(port, struct.pack("!ii", 20, 0x20000) + b"\0" * 12), "protocol 2"


def direct_tls(port):
    direct = Session(port, protocol="postgresql")
    assert direct.socket.selected_alpn_protocol() == "postgresql", "direct TLS"
    row = direct.query("select current_database(), repeat('x', 100000)")
    assert row == [[b"mes_e2e_db", b"x" * 100000]], "direct TLS"
    direct.socket.suppress_ragged_eofs = False
    direct.socket.sendall(message(b"X", b""))
    assert direct.socket.recv(10) == b"", "the relay sends close_notify"
    try:
        raise AssertionError("TLS for another protocol: %r" % Session(port, protocol="http/1.1"))
    except (ssl.SSLError, ConnectionError):
        pass


def encryption_requests(port):
    ask_tls, ask_gss = struct.pack("!ii", 8, 80877103), struct.pack("!ii", 8, 80877104)
    answer = refused(port, ask_tls + startup())
    assert answer[-1:] == b"\0" and b"08P01" in answer, "bytes before the answer to SSLRequest"
    assert b"after GSSAPI" in refused(port, ask_gss + startup()), "bytes before that to GSSENCRequest"
    with socket.create_connection(("127.0.0.1", port), 20) as one:
        one.sendall(ask_gss)
        assert one.recv(10) == b"N", "GSSENCRequest"
        one.sendall(ask_tls)
        assert one.recv(10) in (b"N", b"S"), "then SSLRequest"
    with socket.create_connection(("127.0.0.1", port), 20) as one:
        one.sendall(ask_gss)
        assert one.recv(1) == b"N"
        one.sendall(ask_gss)
        assert b"0A000" in one.recv(1000), "a second GSSENCRequest"


def bad_lengths(port):
    for packet in struct.pack("!ii", 20000, 0x30000), message(b"X", b"") + startup():
        assert refused(port, packet) == b"", "a packet of impossible length gets no answer: %r" % packet[:8]
    assert b"08P01" in refused(port, struct.pack("!ii", 9, 0x30000) + b"x"), "not terminated"
    broken = Session(port)
    broken.socket.sendall(b"Q" + struct.pack("!i", 2))
    assert broken.socket.recv(100) == b"", "a length below four ends the connection"


def half_closed(port):
    half = Session(port)
    half.socket.sendall(message(b"Q", b"select 'half'\0"))
    assert rows(half.until_ready()) == [[b"half"]]
    half.socket.shutdown(socket.SHUT_WR)
    assert half.socket.recv(10) == b"", "the relay closes too"
    asks = Session(port)
    asks.socket.sendall(message(b"Q", b"select pg_sleep(0.1), current_database(), repeat('x', 1000000)\0"))
    asks.socket.shutdown(socket.SHUT_WR)
    want = [[b"", b"mes_e2e_db", b"x" * 1000000]]
    assert rows(asks.until_ready()) == want, "a client that has closed its half gets the answer"
    assert asks.socket.recv(10) == b"", "and then the end"
    gone = Session(port)
    last = message(b"Q", b"create table if not exists last_words (x int)\0")
    gone.socket.sendall(last + message(b"X", b""))
    gone.socket.close()


def main(port):
    session = Session(port)
    for check in (parameters, results, pipelining, big_statements):
        check(session)
    for check in (versions, direct_tls, encryption_requests, bad_lengths, half_closed):
        check(port)
    print("the protocol is kept")


if __name__ == "__main__":
    main(int(sys.argv[1]))
