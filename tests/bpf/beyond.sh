#!/bin/sh
# SPDX-License-Identifier: MIT
# The monitor beyond TCP and system calls: Unix sockets, datagrams, io_uring, PID namespaces.
. "$(dirname "$0")/lib.sh"
beyond=$out/tests/bpf/beyond
cd "$work" || exit 1

try 'no finding, exact counts: clean_unix' 1 "$beyond" clean_unix
for name in leaked_unix leaked_abstract taken_path stale_path no_server; do
	try "found, and nothing else: $name" 1 "$beyond" "$name"
	cp result "$name"
done
on=2 try 'found, and nothing else: cross_unix' 2 "$beyond" cross_unix
cp result cross_unix
if [ -s taken_path ] && ! jq -e '.findings == []' taken_path >/dev/null; then
	holds 'a listener is named by its path, with function and line' leaked_unix '.findings[0] |
		.path == "left.sock" and .protocol == "unix" and
		(.stack | any(test("^leaked_unix at .*beyond.c:[0-9]+$")))'
	holds 'an abstract listener is named by its name' leaked_abstract \
		'.findings[0].path | test("^@left [0-9]+$")'
	holds 'a taken path: who holds it, and the stack of the bind' taken_path '.findings[0] |
		(.detail | test("^held.sock is held by .*beyond")) and
		(.stack | any(test("^taken_path at .*beyond.c:[0-9]+$")))'
	holds 'a file that a server left behind' stale_path \
		'.findings[0].detail | test("^stale.sock is held by no process")'
	holds 'a server that has ended, and one that never existed' no_server \
		'[.findings[].detail] | sort |
		(.[0] | test("^never.sock does not exist: 6 connects failed")) and
		(.[1] | test("^no process listens on gone.sock"))'
	holds 'a socket of another worker: its path and its server' cross_unix '.findings[0].detail |
		test("^connected to cross.sock, where worker 1 listens .*cross_unix")'
fi

try 'no finding, exact counts: clean_datagrams' 1 "$beyond" clean_datagrams 3911
"$beyond" serve_udp 3913 &
server=$!
try 'found, and nothing else: foreign_datagram' 1 "$beyond" foreign_datagram 3913
try 'found, and nothing else: foreign_connected' 1 "$beyond" foreign_connected 3913
kill "$server"

try 'found, and nothing else: uring_bind' 1 "$beyond" uring_bind 3915
try 'no finding, exact counts: uring_connect' 1 "$beyond" uring_connect 3916
try 'found, and nothing else: uring_send' 1 "$beyond" uring_send

# Without privilege: every user may read the kernel's list, which has the leftover listener.
mkdir -m 755 nobody && chmod 755 "$work" && cp "$driver" "$beyond" nobody/ &&
	chmod 777 nobody && cd nobody || exit 1
$as_nobody timeout 60 ./driver -s sampling -- ./beyond leaked_unix 2>&1 |
	grep -v '^{"findings"' >../sampled
holds 'sampled by user nobody: leaked_unix' ../sampled \
	'[.findings[] | [.kind, .path]] == [["leaked_listener", "left.sock"]]'
cd ..

# A monitor in a PID namespace, as in a container, names processes by its own numbers.
if [ "$(id -u)" = 0 ] && unshare -pf --mount-proc true; then
	unshare -pf --mount-proc timeout 60 "$driver" -s ebpf -- "$oracle" leaked_listener \
		2>/dev/null | grep -v '^{"findings"' >inside
	holds 'in a PID namespace: its own numbers, with the right command' inside '.findings[0] |
		.kind == "leaked_listener" and .pid < 100 and
		(.command | test("oracle leaked_listener$")) and (.ancestry | length > 0)'
	holds 'every program loads, and no process is counted twice' inside \
		'.losses == [] and .workers[0].processes == 2'
	# A monitor outside of such a namespace adds the number inside.
	timeout 60 "$driver" -s ebpf -- \
		sh -c "unshare -pf --mount-proc '$oracle' serve 3917 & sleep 0.5" >around
	holds 'outside of a PID namespace: both numbers' around \
		'.findings[0] | .port == 3917 and .pid > 1 and .pid_inside == 1'
else
	say ok 'in a PID namespace # SKIP needs root'
fi
echo "1..$number"
