#!/bin/sh
# SPDX-License-Identifier: MIT
# On a terminal: one worker has it as if Berth were not there (^C, ^Z, isatty, size, reading);
# several have a progress line.
. "$(dirname "$0")/lib.sh"
cat >terminal.py <<'PY'
import os, pty, select, signal, sys, time
def session(argv, steps, limit=8):
    """Run argv on a terminal; steps are (text to wait for, bytes to type or a function). Return output, wait status."""
    pid, fd = pty.fork()
    if not pid:
        os.execvp(argv[0], argv)
    out, seen, end = b"", 0, time.time() + limit # each text is looked for behind the one before
    while time.time() < end:
        if steps and steps[0][0] in out[seen:]:
            seen = out.index(steps[0][0], seen) + len(steps[0][0])
            act = steps.pop(0)[1]
            act(pid) if callable(act) else os.write(fd, act)
        if select.select([fd], [], [], 0.05)[0]:
            try: part = os.read(fd, 4096)
            except OSError: break
            if not part: break
            out += part
    if time.time() >= end: # a step that never came: hang up, which ends what listens to its terminal
        os.close(fd)
    status = os.waitpid(pid, 0)[1]
    return out.decode(errors="replace"), os.waitstatus_to_exitcode(status), steps
berth = sys.argv[1]
def told(name, good): print(("yes " if good else "no ") + name, flush=True)

out, code, _ = session([berth, "run", "--", "sh", "-c", "test -t 0 && test -t 1 && test -t 2 && read line && echo got-$line"],
                       [(b"", b"typed\n")])
told("streams", code == 0 and "got-typed" in out)

count = "n=0; trap 'n=$((n + 1)); echo int $n; [ $n = 2 ] && exit 5' INT; echo up; while :; do sleep 0.05; done"
out, code, left = session([berth, "run", "--grace", "1", "--", "sh", "-c", count],
                          [(b"up", b"\x03"), (b"int 1", b"\x03")])
told("interrupt", code == 5 and not left and "int 3" not in out)

# a shell with job control: ^Z stops the whole job, fg continues it; the shell prints the job before
# it gives it the terminal
script = [(b"ready", berth.encode() + b" run -- sh -c 'trap \"echo on\" CONT; echo started; while :; do sleep 0.05; done'\n"),
          (b"started\r\n", b"\x1a"), (b"topped", b"echo back-$((40 + 2))\n"), (b"back-42\r\n", b"fg\n"),
          (b"\r\non\r\n", b"\x03"), (b"bash-", b"echo code-$?; exit 3\n")]
out, code, left = session(["bash", "--norc", "--noprofile", "-i", "-c", "PS1=; echo ready; exec bash --norc --noprofile -i"], script)
told("jobs", code == 3 and not left and "code-130" in out)

out, code, _ = session([berth, "run", "-n", "2", "--tree", "shared", "--", "sh", "-c", "sleep 1.2; echo line"], [])
plain = ["env", "TERM=dumb", berth, "run", "-n", "2", "--tree", "shared", "--", "sh", "-c", "sleep 1.2; echo line"]
told("dumb", code == 0 and "\x1b" in out and "\x1b" not in (dumb := session(plain, [])[0]) and "w2 | line" in dumb)
told("progress", code == 0 and "0 of 2 done, 2 running" in out and out.count("| \x1b[0mline") + out.count("| line") + out.count("line\r\n") >= 2)
out, code, _ = session([berth, "run", "-n", "2", "--tree", "shared", "--inject", "kill:3101@700ms", "--", "sleep", "1"], [])
before = out.split("berth: w")[:-1] # of each line about a fault
told("lines", "2 running" in out and len(before) == 2 and all(text.endswith(("\n", "\x1b[K")) for text in before))
server = "import socket, sys; s = socket.create_server(('127.0.0.1', 3300)); s.accept()[0].send(b'reached\\n')"
def reach(pid):
    import re, socket, subprocess
    for real in re.findall(r"port 3300 is http://localhost:(\d+) outside", "".join(shown)):
        print("url", socket.create_connection(("127.0.0.1", int(real))).recv(20))
shown, real_read = [], os.read
os.read = lambda fd, size: (shown.append((part := real_read(fd, size)).decode(errors="replace")), part)[1]
out, code, left = session([berth, "run", "--", sys.executable, "-c", server], [(b" outside\r\n", reach)])
told("url", code == 0 and not left and out.count("outside") == 1)
os.read = real_read
out, code, _ = session([berth, "run", "-n", "2", "--tree", "shared", "--", "sh", "-c", "echo up; exec sleep 60"], [(b"up", b"\x03")])
told("several", code == 130)
pid, fd = pty.fork()
if not pid:
    os.execvp(berth, [berth, "run", "--grace", "1", "--", "sh", "-c", "echo up; exec sleep 617"])
while b"up" not in os.read(fd, 4096):
    pass
os.close(fd)
end = time.time() + 8
while time.time() < end and not (done := os.waitpid(pid, os.WNOHANG)[0]):
    time.sleep(0.02)
told("hangup", done == pid)
PY
python3 terminal.py "$BERTH" >answers 2>&1
has "$(cat answers)" '^yes streams' "one worker: the command has the terminal and can read from it"
has "$(cat answers)" '^yes interrupt' "one worker: each ^C reaches the command once, which decides what it means"
has "$(cat answers)" '^yes jobs' "one worker: ^Z stops it all, fg resumes, ^C ends it"
has "$(cat answers)" '^yes progress' "several workers: a progress line between the output"
has "$(cat answers)" '^yes dumb' "a terminal that is dumb gets neither colours nor a progress line"
has "$(cat answers)" '^yes lines' "and Berth's own lines are not written behind it"
has "$(cat answers)" '^yes hangup' "one worker: a terminal that is gone ends the run"
has "$(cat answers)" '^yes url' "where a port of the suite is reached from outside is printed once"
has "$(cat answers)" "^url b'reached" "and it is reached there"
has "$(cat answers)" '^yes several' "several workers: ^C ends the run with 130"
none_left && no_files; report $? "nothing is left of all this"
finish
