# SPDX-License-Identifier: MIT
"""What other tools report about sockets, in the monitor's words, as JSON.

others.py strace FILE...	counts, from the files of `strace -ff -yy`
others.py cgroup FOLDER		the open sockets of its processes, from ss and from /proc, as lines
				PROTOCOL STATE LOCAL REMOTE; a socket in no table of the kernel,
				because it has no port or only a port, is PROTOCOL 7 ? 0
"""
import collections, json, os, re, subprocess, sys

STATES = {"ESTAB": 1, "SYN-SENT": 2, "FIN-WAIT-1": 4, "FIN-WAIT-2": 5, "UNCONN": 7,
          "CLOSE-WAIT": 8, "LAST-ACK": 9, "LISTEN": 10, "CLOSING": 11}
RATES = "EPIPE", "ECONNRESET", "ECONNREFUSED", "EADDRINUSE", "ETIMEDOUT"
CALL = re.compile(r"(\w+)\((?:\d+<(TCP|UDP|UNIX)(?:v6|-[A-Z]+)?:(.*?)>)?.*\) += (-?\d+)"
                  r"(?:<(TCP|UDP)(?:v6)?:.*>)?(?: (E\w+))?")
ASYNCHRONOUS = re.compile(r"getsockopt\(\d+<TCP.*SO_ERROR, \[(\w+)\]")

def count_call(counts, listeners, asked, line):
    late, match = ASYNCHRONOUS.match(line), CALL.match(line)
    if not match:
        return
    call, protocol, name, result, made, error = match.groups()
    if late:  # the result of a connect in progress; a program may read it twice
        if name in asked:
            return
        asked.add(name)
        call, result, error = "connect", late[1], "" if late[1] == "0" else late[1]
    if call == "socket" and made:
        counts["opened"] += 1
        counts["opened_udp"] += made == "UDP"
    if not protocol or error in ("EINPROGRESS", "EAGAIN"):
        return
    if protocol == "UNIX":
        if error and call in ("bind", "connect"):
            counts["unix_%s_failed" % call] += 1
            counts["%s %s" % (call, error)] += 1
        elif call == "listen":
            counts["unix_listening"] += 1
        return
    if error:
        counts[error.lower()] += error in RATES
        if call in ("bind", "connect"):
            counts[call + "_failed"] += 1
            counts["%s %s" % (call, error)] += 1
    elif call == "bind":
        counts["bound"] += 1
    elif call == "connect":
        counts["connected"] += protocol == "TCP"
    elif call.startswith("accept"):
        counts["accepted"] += 1
    elif call == "listen":
        listeners.add(name)

def from_strace(files):
    counts, listeners = collections.Counter(), set()
    for path in files:
        asked = set()  # by this thread: two connections in sequence may have the same two ends
        with open(path, errors="replace") as lines:
            for line in lines:
                count_call(counts, listeners, asked, line)
    return {**{key: value for key, value in counts.items() if value}, "listening": len(listeners)}

def from_ss(pids):
    result = subprocess.run(["ss", "-tuanpH"], check=True, capture_output=True, text=True)
    for line in result.stdout.splitlines():
        words = line.split()
        if pids & set(re.findall(r"pid=(\d+)", line)):
            local, remote = (end.rsplit(":", 1)[1].replace("*", "0") for end in words[4:6])
            yield "%s %d %s %s" % (words[0], STATES[words[1]], local, remote)

def tables(pid):
    """Inode of each socket in the kernel's tables, as /proc has them."""
    found = {}
    for protocol in "tcp", "tcp6", "udp", "udp6":
        with open("/proc/%s/net/%s" % (pid, protocol)) as lines:
            for words in list(map(str.split, lines))[1:]:
                local, remote = (int(end.split(":")[1], 16) for end in words[1:3])
                found[int(words[9])] = "%s %d %d %d" % (
                    protocol[:3], int(words[3], 16), local, remote)
    return found

def from_proc(pids):
    sockets, known = {}, tables("self")
    for pid in pids:
        for fd in os.scandir("/proc/%s/fd" % pid):
            if os.readlink(fd.path).startswith("socket:"):
                name = os.getxattr(fd.path, "system.sockprotoname").rstrip(b"\0").decode()
                protocol = name[:3].lower()
                if protocol in ("tcp", "udp"):
                    inode = os.stat(fd.path).st_ino
                    sockets[inode] = known.get(inode, protocol + " 7 ? 0")
    return sockets.values()

if sys.argv[1] == "strace":
    json.dump(from_strace(sys.argv[2:]), sys.stdout)
else:
    with open(sys.argv[2] + "/cgroup.procs") as file:
        members = set(file.read().split())
    json.dump({"ss": sorted(from_ss(members)), "proc": sorted(from_proc(members)),
               "processes": len(members)}, sys.stdout)
