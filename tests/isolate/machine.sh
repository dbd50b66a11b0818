#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What this kernel can do: each backend as root and as a plain user, trees, limits, the monitor, a
# private PostgreSQL. What it cannot do costs one sentence. The last lines are a row of the table in
# docs/platforms.md. Short, as scripts/kernels runs it in emulated machines.
set -u
. "$(dirname "$0")/lib.sh"
if [ "$(id -u)" != 0 ]; then skip 'what this kernel can do' 'only root can be two users'; finish; fi
mkdir "$tmp/berth"
cp -r "$out/bin" "$out/lib" "$tmp/berth/"
chmod -R a+rX "$tmp/berth"
berth=$tmp/berth/bin/berth
row="$(uname -r)"
column() { row="$row | $1"; }

# Each worker waits until both have bound the port.
cat >"$tmp/suite" <<'PY'
import os, socket, sys, time
server = socket.socket()
server.bind(("127.0.0.1", 3101))
server.listen()
assert server.getsockname()[1] == 3101
socket.create_connection(("127.0.0.1", 3101), 60).close()
open(sys.argv[1] + "/" + os.environ["BERTH_WORKER"], "w").close()
until = time.monotonic() + 120
while len(os.listdir(sys.argv[1])) < 2:
    assert time.monotonic() < until, "the other worker did not bind"
    time.sleep(0.05)
PY

# as USER COMMAND...: in a new project of the user's; output in $tmp/log
as() {
	local user=$1
	shift
	rm -rf "${tmp:?}/$user"
	mkdir -p "$tmp/$user/project" "$tmp/$user/met"
	chown -R "$user" "$tmp/$user"
	(cd "$tmp/$user/project" && exec timeout 300 setpriv --reuid "$user" --clear-groups env -i \
		HOME="$tmp/$user" PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@") >"$tmp/log" 2>&1 </dev/null
}

# two USER BACKEND: two workers have one port, or one line says why this kernel has no such backend
two() {
	as "$1" "$berth" run -n 2 --strict --share-paths "$tmp/$1/met" --backend "$2" -- \
		/usr/bin/python3 "$tmp/suite" "$tmp/$1/met"
	local status=$? why
	if [ $status = 125 ] && why=$(grep -m 1 "backend '$2' cannot work here: " "$tmp/log"); then
		skip "two workers have one port under $2, $1" "${why#*here: }"
		column "no: ${why#*here: }"
	else
		report $status "two workers have one port under $2, $1" "$tmp/log"
		[ $status = 0 ] && column yes || column FAILS
	fi
	tree=$(sed -nE 's/.*: 2 workers, .*tree ([a-z]+).*/\1/p' "$tmp/log")
}

for program in "$out"/tests/unit/*; do
	[ -f "$program" ] && [ -x "$program" ] && check "unit/${program##*/}" "$program"
done
for backend in preload seccomp bpf; do two root "$backend"; done
root_tree=$tree
reason=$(grep 'the working tree is shared' "$tmp/log")
for backend in preload seccomp; do two nobody "$backend"; done
column "root: $root_tree; user: $tree"
echo "$reason$(grep 'the working tree is shared' "$tmp/log")" | sed '/./s/^/# /'
# shellcheck disable=SC2016 # Python's own
as root "$berth" run -n 2 --leaks fail --results "$tmp/root/results" -- /usr/bin/python3 -c 'import os, socket, time
server = socket.socket()
server.bind(("127.0.0.1", 3101))
server.listen()
os.fork() or time.sleep(600)'
[ $? = 121 ] && grep -q 'listener left open: listener on port 3101' "$tmp/log"
report $? 'a listener that is left open is found' "$tmp/log"
column "$(grep -ohE '"(eBPF|sampling)[^"]*"' "$tmp"/root/results/runs/*/events.ndjson | head -n 1 | tr -d '"')"
as root "$berth" run --mem 300M -- true
good=$?
report $good 'a worker with a limit of memory' "$tmp/log"
grep -q 'limits cannot' "$tmp/log" && column no || column yes

if ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
	as root "$berth" run -n 2 --db postgresql://a:b@localhost:5432/shop -- \
		psql -XAtqc 'select current_database()' postgresql://a:b@localhost:5432/shop
	good=$?
	report $good 'each worker has a PostgreSQL server of its own' "$tmp/log"
	[ $good = 0 ] && column yes || column FAILS
else
	skip 'each worker has a PostgreSQL server of its own' 'there is no PostgreSQL'
	column -
fi
echo "# | $row |"
finish
