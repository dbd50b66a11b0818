# SPDX-License-Identifier: MIT
"""A server and clients that break the protocol, around a relay: hostile.py RELAY BERTH. Prints TAP.

What the server does is the name of the database that a client asks the relay for, or of the role that berth itself comes as.
Each client must get an error or the end of its connection soon; the relay lives, its memory is bounded, and a
connection that was good before still is.
"""
import contextlib, os, random, socket, struct, subprocess, sys, tempfile, threading, time

RELAY, BERTH = map(os.path.abspath, sys.argv[1:3])
FULL = os.environ.get("FULL")  # also the server whose answer berth waits for as long as it ever does
DEADLINE, MEMORY_KIB, FLOOD = 10, 64 << 10, 48 << 20
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
    """A message that says it is of one GB, and FLOOD bytes of it."""
    return message(kind, body, (1 << 30) - 8) + unit * (FLOOD // len(unit))


# what the server says instead of its handshake, all at once; then it closes
SAYS = {
    b"length_most": message(b"R", b"\0\0\0\0", 0x7fffffff),
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
# answers to SSLRequest, after the server has insisted on TLS. What is sent ahead of a handshake is CVE-2021-23222
TLS_ANSWERS = {b"tls_stuffed": b"S" + HANDSHAKE, b"tls_refused": b"N", b"tls_unknown": b"?", b"tls_error": ERROR, b"tls_end": b"",
               b"tls_garbage": b"S\x16\x03\x01\xff\xff" + b"\xee" * 70000, b"tls_alert": b"S\x15\x03\x03\x00\x02\x02\x28"}
# what it answers to each statement of berth's own, after a good handshake; the last column is missing in each
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
        self.insisted = set()
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
                pending = next((name for name in TLS_ANSWERS if name in self.insisted), None)
                self.insisted.discard(pending)
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
        if name in SAYS:
            client.sendall(SAYS[name])
        elif name in TLS_ANSWERS:
            self.insisted.add(name)
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


def connect(port, data=b""):
    client = socket.create_connection(("127.0.0.1", port), DEADLINE)
    with contextlib.suppress(ConnectionError):
        client.sendall(data)
    return client


def say_no_more(client):
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_WR)


def outcome(client):
    """All that comes until the end: 'error' if an ErrorResponse with an SQLSTATE is in it, 'closed', or 'HANGS'."""
    tail, found = b"", False
    try:
        while part := client.recv(1 << 20):
            found = found or b"\0C" in tail + part
            tail = part[-8:]
    except TimeoutError:
        return "HANGS"
    except ConnectionError:
        pass
    finally:
        client.close()
    return "error" if found else "closed"


def asks(client):
    """Does a good connection answer?"""
    try:
        client.sendall(message(b"Q", b"select 42\0"))
        return exactly(client, len(ROW)) == ROW
    except (OSError, EOFError):
        return False


def good(port):
    client = connect(port, startup(b"good"))
    return client if exactly(client, len(HANDSHAKE)) == HANDSHAKE else None


class Tap:
    count = failed = 0

    def report(self, good, sentence, *why):
        self.count += 1
        self.failed += not good
        print(f"{'' if good else 'not '}ok {self.count} - {sentence}", flush=True)
        for line in why if not good else ():
            print(f"# {line}", flush=True)


class Relay:
    def __init__(self, server, tap):
        self.tap = tap
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen([RELAY, str(self.port), "", "127.0.0.1", str(server.port), SUFFIX.decode(), "good"],
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()
        self.old = good(self.port)
        self.rss = self.kib()

    def kib(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next((int(line.split()[1]) for line in status if line.startswith("VmRSS:")), 0)

    def check(self, what, wrong):
        """After each group: nothing wrong in it, the relay as it was."""
        self.tap.report(not wrong, f"{what}: an error or the end, soon", *wrong)
        alive = self.process.poll() is None
        self.tap.report(alive and asks(self.old), f"{what}: a connection from before lives on")
        new = alive and good(self.port)
        self.tap.report(new and asks(new), f"{what}: a new one is served")
        grown = self.kib() - self.rss if alive else -1
        self.tap.report(0 <= grown + MEMORY_KIB and grown < MEMORY_KIB and alive, f"{what}: the relay's memory is bounded", f"{grown} KiB more")


def hostile_server(relay):
    wrong = []
    for name in SAYS:
        if (got := outcome(connect(relay.port, startup(name)))) == "HANGS":
            wrong.append(f"{name.decode()}: {got}")
    relay.check("a server that says nonsense", wrong)
    wrong = [f"{size} bytes: {got}" for size in range(len(HANDSHAKE)) if (got := outcome(connect(relay.port, startup(b"cut%d" % size)))) == "HANGS"]
    if outcome(connect(relay.port, startup(b"reset"))) == "HANGS":
        wrong.append("reset")
    relay.check("a server that ends at each byte of its handshake", wrong)
    wrong = []
    for name in TLS_ANSWERS:
        client = connect(relay.port, startup(name))
        got = outcome(client)
        if got != "error":
            wrong.append(f"{name.decode()}: {got}")
    relay.check("a server that insists on TLS and has none", wrong)
    client = connect(relay.port, startup(b"drip"))
    relay.tap.report(exactly(client, len(HANDSHAKE)) == HANDSHAKE and asks(client), "a handshake that comes byte by byte arrives")
    deaf = [connect(relay.port, startup(b"error_endless")) for _ in range(8)]
    silent = [connect(relay.port, startup(b"silent")) for _ in range(50)]
    time.sleep(1)
    relay.check("eight clients that do not read, fifty servers that say nothing", [])
    for client in deaf + silent:
        client.close()


def hostile_client(relay):
    tls = struct.pack("!II", 8, 80877103)
    says = {
        "length 0": struct.pack("!II", 0, 0x30000), "length 7": struct.pack("!II", 7, 0x30000), "length -1": b"\xff" * 8,
        "length 10001": struct.pack("!II", 10001, 0x30000) + b"x" * 10000, "protocol 2": struct.pack("!II", 296, 0x20000) + b"x" * 288,
        "no role": struct.pack("!III", 9, 0x30000, 0)[:9], "unterminated": struct.pack("!II", 20, 0x30000) + b"user\0uuuuuuu",
        "TLS, stuffed": tls + startup(b"good"), "TLS twice": tls + tls, "a hello of TLS": b"\x16\x03\x01\x02\x00\x01" + b"\xee" * 600,
        "a cancel of no key": struct.pack("!IIII", 16, 80877102, 0, 0), "a long cancel": struct.pack("!II", 10000, 80877102) + b"x" * 9992,
        "a replica": struct.pack("!II", 43, 0x30000) + b"user\0u\0replication\0database\0database\0" + b"\0",
    }
    wrong = []
    for what, data in says.items():
        client = connect(relay.port, data)
        say_no_more(client)
        if (got := outcome(client)) == "HANGS":
            wrong.append(f"{what}: {got}")
    for size in range(len(startup(b"good"))):
        client = connect(relay.port, startup(b"good")[:size])
        say_no_more(client)
        if outcome(client) == "HANGS":
            wrong.append(f"cut at {size}")
    relay.check("a client that cannot greet", wrong)
    wrong = []
    bodies = [message(b"Q", b"x", -1), message(b"Q", b"x", 0), message(b"Q", b"", 0x7fffffff), message(b"P", b"name"), message(b"B", b"\0\0\xff\xff"),
              message(b"P", b"s\0select 1 from pg_database where datname = $1\0\0\0") + message(b"B", b"\0s\0\0\0\xff\xff\x7f\xff\xff\xff"),
              message(b"C", b"S"), message(b"d", b"x" * 100, 1 << 29), bytes(RANDOM.randrange(256) for _ in range(100000)),
              message(b"Q", b"select datname from pg_database where datname = '" + b"x" * (15 << 20) + b"'\0")]
    for number, data in enumerate(bodies):
        client = connect(relay.port, startup(b"good"))
        exactly(client, len(HANDSHAKE))
        with contextlib.suppress(ConnectionError):
            client.sendall(data)
            say_no_more(client)
        if (got := outcome(client)) == "HANGS":
            wrong.append(f"message {number}: {got}")
    relay.check("a client that says nonsense", wrong)
    half = [connect(relay.port, b"\0") for _ in range(200)]
    relay.check("two hundred that do not greet", [])
    for client in half:
        client.close()
    last = ""
    for number in range(1100):
        client = connect(relay.port, startup(b"cut0_%d" % number if number % 2 else b"x" * 9000 + b"%d" % number))
        if number > 1090:
            say_no_more(client)
            last = outcome(client)
        client.close()
    relay.check("a client that asks for a thousand databases", [] if last == "error" else [last])


class Runs:
    """berth run against such servers, all at once, meanwhile: libpq is ours to be careful with."""

    def __init__(self, server, top):
        self.runs, self.top, self.begun = {}, top, time.monotonic()
        for name in [*SAYS, *TLS_ANSWERS, *ANSWERS, b"cut30", b"reset", b"silent", *([b"silent_later"] if FULL else [])]:
            place = f"{top}/{name.decode()}"
            os.makedirs(place + "/runtime", mode=0o700)
            with open(place + "/err", "w") as err:
                self.runs[name] = subprocess.Popen(
                    [BERTH, "run", "--block", "4", "--db-mode", "rename", "--db", f"postgresql://{name.decode()}:p@127.0.0.1:{server.port}/d",
                     "--", "true"], cwd=place, env={**os.environ, "XDG_RUNTIME_DIR": place + "/runtime"}, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=err)

    def check_confined(self, tap):
        """The process that talks to the server that says nothing: tests/security/privileges.sh has the others."""
        run, found = self.runs[b"silent"], ""
        while not found and run.poll() is None and time.monotonic() < self.begun + DEADLINE:
            time.sleep(0.05)
            with open(f"/proc/{run.pid}/task/{run.pid}/children") as children:
                pids = children.read().split()
            for pid in pids:
                with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as status:
                    fields = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
                    if fields["Name"] == "berth" and fields["Seccomp"] == "2":
                        found = f"{fields['NoNewPrivs']} {int(fields['CapPrm'], 16) & ~(1 << 2)} {int(fields['CapEff'], 16) & ~(1 << 2)}"
        tap.report(found == "1 0 0", "who talks to a server has a filter of calls, no new privileges, no capability but CAP_DAC_READ_SEARCH", found)

    def check(self, tap):
        wrong, shown = [], []
        for name, run in self.runs.items():
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(max(0.1, self.begun + (300 if FULL else 90) - time.monotonic()))
            with open(f"{self.top}/{name.decode()}/err", errors="replace") as err:
                said = err.read()
            if run.poll() is None:
                run.kill()
            if run.returncode != 125 or "unable to provide the database" not in said or "process ended unexpectedly" in said:
                wrong.append(f"{name.decode()}: status {run.returncode}: {said[-300:]!r}")
            if "\x1b" in said or "notice of the server" in said:
                shown.append(name.decode())
        tap.report(not wrong, f"berth run with each of {len(self.runs)} such servers: it says that it cannot provide the database", *wrong)
        tap.report(not shown, "and shows no control characters and no notices of theirs", *shown)


def main():
    server, tap = Server(), Tap()
    with tempfile.TemporaryDirectory() as top:
        runs = Runs(server, top)
        runs.check_confined(tap)
        relay = Relay(server, tap)
        hostile_server(relay)
        hostile_client(relay)
        relay.process.terminate()
        tap.report(relay.process.wait(DEADLINE) == 0, "the relay ends well")
        runs.check(tap)
    print(f"1..{tap.count}")
    return tap.failed > 0


sys.exit(main())
