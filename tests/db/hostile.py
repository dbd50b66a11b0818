# SPDX-License-Identifier: MIT
"""A server and clients that break the protocol, around a relay: hostile.py RELAY BERTH. Prints TAP.

Each client must get an error or the end of its connection soon. The relay lives, its memory is bounded, and a connection
that was good before still is.
"""
import contextlib, os, socket, struct, subprocess, sys, tempfile, time
from hostile_server import (ANSWERS, HANDSHAKE, MESSAGES, RANDOM, ROW, SUFFIX, TLS_ANSWERS, Server,
                            exactly, message, startup)

RELAY, BERTH = map(os.path.abspath, sys.argv[1:3])
FULL = os.environ.get("FULL")  # also the server whose answer berth waits for as long as it ever does
DEADLINE, GROWTH_MAX_KIB = 10, 64 << 10


def connect(port, data=b""):
    client = socket.create_connection(("127.0.0.1", port), DEADLINE)
    with contextlib.suppress(ConnectionError):
        client.sendall(data)
    return client


def shut_down(client):
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


def answers(client):
    """Does a good connection get an answer?"""
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
        """After each group: nothing was wrong, and the relay is as it was."""
        self.tap.report(not wrong, f"{what}: an error or the end within the deadline", *wrong)
        alive = self.process.poll() is None
        self.tap.report(alive and answers(self.old), f"{what}: a connection from before lives on")
        new = alive and good(self.port)
        self.tap.report(new and answers(new), f"{what}: a new one is served")
        grown = self.kib() - self.rss if alive else -1
        self.tap.report(0 <= grown + GROWTH_MAX_KIB and grown < GROWTH_MAX_KIB and alive, f"{what}: the relay's memory is bounded", f"{grown} KiB more")


def hostile_server(relay):
    wrong = []
    for name in MESSAGES:
        if (got := outcome(connect(relay.port, startup(name)))) == "HANGS":
            wrong.append(f"{name.decode()}: {got}")
    relay.check("a server that sends nonsense", wrong)
    wrong = [f"{size} bytes: {got}" for size in range(len(HANDSHAKE)) if (got := outcome(connect(relay.port, startup(b"cut%d" % size)))) == "HANGS"]
    if outcome(connect(relay.port, startup(b"reset"))) == "HANGS":
        wrong.append("reset")
    relay.check("a server that closes at each byte of its handshake", wrong)
    wrong = []
    for name in TLS_ANSWERS:
        client = connect(relay.port, startup(name))
        got = outcome(client)
        if got != "error":
            wrong.append(f"{name.decode()}: {got}")
    relay.check("a server that insists on TLS and has none", wrong)
    client = connect(relay.port, startup(b"drip"))
    relay.tap.report(exactly(client, len(HANDSHAKE)) == HANDSHAKE and answers(client), "a handshake that comes byte by byte arrives")
    deaf = [connect(relay.port, startup(b"error_endless")) for _ in range(8)]
    silent = [connect(relay.port, startup(b"silent")) for _ in range(50)]
    time.sleep(1)
    relay.check("eight clients that do not read, fifty servers that send nothing", [])
    for client in deaf + silent:
        client.close()


def hostile_client(relay):
    tls = struct.pack("!II", 8, 80877103)
    packets = {
        "length 0": struct.pack("!II", 0, 0x30000), "length 7": struct.pack("!II", 7, 0x30000), "length -1": b"\xff" * 8,
        "length 10001": struct.pack("!II", 10001, 0x30000) + b"x" * 10000, "protocol 2": struct.pack("!II", 296, 0x20000) + b"x" * 288,
        "no role": struct.pack("!III", 9, 0x30000, 0)[:9], "unterminated": struct.pack("!II", 20, 0x30000) + b"user\0uuuuuuu",
        "TLS, stuffed": tls + startup(b"good"), "TLS twice": tls + tls, "a hello of TLS": b"\x16\x03\x01\x02\x00\x01" + b"\xee" * 600,
        "a cancel of no key": struct.pack("!IIII", 16, 80877102, 0, 0), "a long cancel": struct.pack("!II", 10000, 80877102) + b"x" * 9992,
        "a replica": struct.pack("!II", 43, 0x30000) + b"user\0u\0replication\0database\0database\0" + b"\0",
    }
    wrong = []
    for what, data in packets.items():
        client = connect(relay.port, data)
        shut_down(client)
        if (got := outcome(client)) == "HANGS":
            wrong.append(f"{what}: {got}")
    for size in range(len(startup(b"good"))):
        client = connect(relay.port, startup(b"good")[:size])
        shut_down(client)
        if outcome(client) == "HANGS":
            wrong.append(f"cut at {size}")
    relay.check("a client with a broken start-up packet", wrong)
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
            shut_down(client)
        if (got := outcome(client)) == "HANGS":
            wrong.append(f"message {number}: {got}")
    relay.check("a client that sends nonsense", wrong)
    half = [connect(relay.port, b"\0") for _ in range(200)]
    relay.check("two hundred clients without a start-up packet", [])
    for client in half:
        client.close()
    last = ""
    for number in range(1100):
        client = connect(relay.port, startup(b"cut0_%d" % number if number % 2 else b"x" * 9000 + b"%d" % number))
        if number > 1090:
            shut_down(client)
            last = outcome(client)
        client.close()
    relay.check("a client that asks for a thousand databases", [] if last == "error" else [last])


class Runs:
    """berth run against such servers, all at the same time: berth must be careful with libpq."""

    def __init__(self, server, top):
        self.runs, self.top, self.begun = {}, top, time.monotonic()
        for name in [*MESSAGES, *TLS_ANSWERS, *ANSWERS, b"cut30", b"reset", b"silent", *([b"silent_later"] if FULL else [])]:
            place = f"{top}/{name.decode()}"
            os.makedirs(place + "/runtime", mode=0o700)
            with open(place + "/err", "w") as err:
                self.runs[name] = subprocess.Popen(
                    [BERTH, "run", "--block", "4", "--db-mode", "rename", "--db", f"postgresql://{name.decode()}:p@127.0.0.1:{server.port}/d",
                     "--", "true"], cwd=place, env={**os.environ, "XDG_RUNTIME_DIR": place + "/runtime"}, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=err)

    def check_confined(self, tap):
        """The process that talks to the silent server: tests/security/privileges.sh has the others."""
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
        tap.report(found == "1 0 0", "the process that talks to a server has a seccomp filter, no new privileges, no capability but CAP_DAC_READ_SEARCH", found)

    def check(self, tap):
        wrong, shown = [], []
        for name, run in self.runs.items():
            with contextlib.suppress(subprocess.TimeoutExpired):
                run.wait(max(0.1, self.begun + (300 if FULL else 90) - time.monotonic()))
            with open(f"{self.top}/{name.decode()}/err", errors="replace") as err:
                errors = err.read()
            if run.poll() is None:
                run.kill()
            if run.returncode != 125 or "unable to provide the database" not in errors or "process ended unexpectedly" in errors:
                wrong.append(f"{name.decode()}: status {run.returncode}: {errors[-300:]!r}")
            if "\x1b" in errors or "notice of the server" in errors:
                shown.append(name.decode())
        tap.report(not wrong, f"berth run with each of {len(self.runs)} such servers: it reports that it cannot provide the database", *wrong)
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
