# SPDX-License-Identifier: MIT
"""Every message that a server sends for every line of a file: differential.py PORT DATABASE FILE

One line is one message; behind ` <- ` are its parameters or the data of its COPY. The file is sent four times: as simple
queries, by the extended protocol with results as text and in binary form, and pipelined. Numbers of objects and processes
differ between runs and are left out. All else is printed, so that two runs can be compared."""
import struct, sys
from protocol import Session, message

USER_OIDS = 16384
# catalogs that the relay puts a subquery in place of, and all views: their columns have no table
READ_THROUGH = {1262, 2396, 2964} | set(range(12000, USER_OIDS))
PIPELINE = 16


class Statement:
    def __init__(self, line):
        self.line = line
        text, _, values = line.partition(" <- ")
        self.text = text.encode()
        self.values = [value.encode() for value in values.split("|")] if values else []
        self.copy = values.replace("\\n", "\n").encode() if text.startswith("copy") else None  # the data

    def simple(self):
        return message(b"Q", self.text + b"\0")

    def extended(self, binary):
        values = [] if self.copy else self.values
        formats = struct.pack("!hh", 1, 1) if binary else struct.pack("!h", 0)
        return (message(b"P", b"\0" + self.text + b"\0" + struct.pack("!h", 0)) +
                message(b"B", b"\0\0" + struct.pack("!hh", 0, len(values)) +
                        b"".join(struct.pack("!i", len(value)) + value for value in values) + formats) +
                message(b"D", b"P\0") + message(b"E", b"\0\0\0\0\0") + message(b"S", b""))


def without_oids(body):
    """RowDescription without the numbers of objects that this run created."""
    out, at = body[:2], 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        end = body.index(b"\0", at) + 1
        table, column, kind = struct.unpack("!ihi", body[end:end + 10])
        if table in READ_THROUGH:
            table = column = 0
        kept = struct.pack("!ihi", table < USER_OIDS and table, column, kind < USER_OIDS and kind)
        out, at = out + body[at:end] + kept + body[end + 10:end + 18], end + 18
    return out


def show(kind, body):
    if kind == b"T":
        body = without_oids(body)
    elif kind == b"A":
        body = b"...." + body[4:]
    elif kind == b"t":
        body = body[:2]
    return "%s %r" % (kind.decode(), body)


def answer(session, statement):
    """Up to ReadyForQuery; a COPY that waits gets its data."""
    while True:
        kind, body = session.read()
        print(show(kind, body))
        if kind == b"G":
            session.socket.sendall(message(b"d", statement.copy or b"") + message(b"c", b""))
            session.socket.sendall(message(b"S", b"") if session.extended else b"")
        if kind == b"Z":
            return


def batches(statements, size):
    """A batch ends at a COPY, which waits for data, and at a new standard_conforming_strings: the server confirms it."""
    batch = []
    for statement in statements:
        batch.append(statement)
        if len(batch) == size or statement.copy is not None or "standard_conforming" in statement.line:
            yield batch
            batch = []
    yield batch


def send_all(port, database, statements, how):
    session = Session(port, database=database)
    session.extended = how != "simple"
    for batch in batches(statements, PIPELINE if how == "pipelined" else 1):
        sent = [one.simple() if how == "simple" else one.extended(how == "binary") for one in batch]
        session.socket.sendall(b"".join(sent))
        for statement in batch:
            print("%s> %s" % (how, statement.line))
            answer(session, statement)


def main(port, database, path):
    lines = open(path, encoding="utf-8").read().split("\n")
    statements = [Statement(line) for line in lines if line and not line.startswith("--")]
    for how in ("simple", "text", "binary", "pipelined"):
        send_all(port, database.encode(), statements, how)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
