#!/bin/sh
# SPDX-License-Identifier: MIT
# A worker of root that gave up root may write to its port map, by which root's supervisor acts. It gains no rights by that.
. "$(dirname "$0")/lib.sh"
hostile=$work/hostile
drop='setpriv --reuid nobody --regid nogroup --clear-groups'

mkdir -m 700 "$work/private"
cat >"$work/serve" <<'SERVE'
import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1]), os.chmod(sys.argv[1], 0o600), s.listen()
open(sys.argv[1] + ".ready", "w").close()
while True:
    c, _ = s.accept()
    c.send(b"you are user %d" % struct.unpack("3i", c.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])
    c.close()
SERVE
/usr/bin/python3 "$work/serve" "$work/private/socket" & server=$!
tries=100
until [ -e "$work/private/socket.ready" ] || [ $tries = 0 ]; do sleep 0.05; tries=$((tries - 1)); done

for backend in preload seccomp; do
	run() { (cd "$work/root" && "$BERTH" run --tree shared --backend $backend "$@" 2>"$work/err"); }
	# shellcheck disable=SC2086
	said=$(run -- $drop "$hostile" connect "$work/private/socket")
	is refused "$said" "$backend: a rule that it writes does not make the supervisor connect to a socket of root"
	# with a queue the supervisor keeps all rights until the last worker has started
	# shellcheck disable=SC2086
	said=$(run --output group -n 2 -j 1 -- $drop "$hostile" bind 87)
	is 2 "$(printf '%s\n' "$said" | grep -c '^refused')" "$backend: nor bind a port below 1024"
done
kill $server; wait $server

# A superuser of a private server runs programs as the user of the servers. Root cleans up the cache of that user, and
# makes clones and mounts in it.
if command -v psql >/dev/null && [ -d /usr/lib/postgresql ]; then
	export XDG_CACHE_HOME=$work/cache BERTH
	mkdir -m 755 "$XDG_CACHE_HOME" "$work/victim"
	: >"$work/victim/file"
	touch -d '30 days ago' "$work/victim/file" "$work/victim"
	mkdir -p /tmp/berth-pg-x
	cat >"$work/root/attack" <<'ATTACK'
cd "$XDG_CACHE_HOME/berth/pg" || exit
grep -q '^NoNewPrivs:.*1' /proc/self/status && echo "no new privileges"
rmdir kept && ln -s "$WORK" kept
printf '/tmp/berth-pg-x/../../%s/victim' "$WORK" >clones/dead.lock
setsid sleep 611 >/dev/null 2>&1 &
ATTACK
	chmod 755 "$work/root/attack" "$work/root"
	cat >"$work/root/sql" <<'SQL'
export PGPASSWORD=p
psql -h localhost -U u -qAtc "copy (select 1) to program 'WORK=$WORK XDG_CACHE_HOME=$XDG_CACHE_HOME sh $WORK/root/attack >$WORK/tmp/said'" d
SQL
	echo 'role: superuser' >"$work/root/berth.yaml"
	attacked() { (cd "$work/root" && WORK=$work "$BERTH" run --tree shared --db-mode private --db postgresql://u:p@localhost:5432/d "$@" >"$work/said" 2>&1); }
	attacked -- sh "$work/root/sql"; report $? 'a superuser of its server runs a program' "$work/said"
	is 'no new privileges' "$(cat /tmp/said)" 'which cannot change its user by sudo'
	is '' "$(pgrep -fx 'sleep 611')" 'it ends with the run'
	attacked --keep -- true
	attacked -- true
	[ -e "$work/victim/file" ]; report $? 'links and false records in the cache do not make root remove files outside of it' "$work/said"
	is "root" "$(stat -c %U "$work/victim")" 'nor change their owner'
	mkdir "$work/other-home"; chown nobody "$work/other-home"
	(cd "$work/root" && env -u XDG_CACHE_HOME HOME="$work/other-home" "$BERTH" run --tree shared --db-mode private --db postgresql://u:p@localhost:5432/d -- true 2>"$work/said")
	is '0 ' "$? $(ls -A "$work/other-home")" 'root makes no file in the home of another user, which HOME names'
else
	skip 'private servers' 'no PostgreSQL'
fi
finish
