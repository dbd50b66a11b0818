# shellcheck shell=sh disable=SC2154
# Sourced by the groups of tests/suites: a fresh project, a PostgreSQL server, and a check that a run
# has left nothing behind. $here is tests/suites.
. "$here/../tap.sh"

# as USER COMMAND: run a shell command as root or as a plain user, with an empty HOME
as() {
	if [ "$1" = root ] || [ "$(id -u)" != 0 ]; then
		HOME=$work/home sh -c "$2"
	else
		setpriv --reuid "$1" --regid nogroup --clear-groups env -u XDG_RUNTIME_DIR HOME="$work/home" sh -c "$2"
	fi
}

# prepare USER SUITE: $work/project is a fresh copy of the suite that belongs to the user
prepare() {
	work=$(mktemp -d /var/tmp/berth-suites-XXXXXX)
	mkdir "$work/home"
	cp -r "$here/$2" "$work/project"
	rm -rf "$work/project/test-results"
	[ "$1" = root ] || [ "$(id -u)" != 0 ] || chown -R "$1:nogroup" "$work"
	"$here/leftovers" | sort >"$work/before"
}

# settle: status 1 and $work/left if something is left after three seconds.
settle() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$here/leftovers" | sort | comm -13 "$work/before" - >"$work/left"
		[ -s "$work/left" ] || return 0
		sleep 0.3
	done
	return 1
}

# A PostgreSQL server of the user on the suite's port, until server_stop.
server_start() {
	binaries=$(find /usr/lib/postgresql -name initdb -printf '%h\n' | sort -V | tail -n 1)
	server=$(mktemp -d /var/tmp/berth-server-XXXXXX)
	chown nobody:nogroup "$server" 2>/dev/null || true
	echo mes_password >"$server/password"; chmod 644 "$server/password"
	as_server "'$binaries/initdb' -D '$server/data' -U mes_user --pwfile='$server/password' -A scram-sha-256 -N" >/dev/null
	server_again
	export PGPASSWORD=mes_password
	psql -q -h localhost -U mes_user postgres -c 'CREATE DATABASE mes_e2e_db'
	psql -q -h localhost -U mes_user mes_e2e_db -c 'CREATE TABLE mine (kept text); INSERT INTO mine VALUES (1)'
}
server_again() {
	as_server "'$binaries/pg_ctl' -D '$server/data' -w -l '$server/log' \
		-o '-p 5432 -k $server -c listen_addresses=localhost -c max_connections=400 \
		-c dynamic_shared_memory_type=mmap' start" >/dev/null
}
server_kill() { as_server "'$binaries/pg_ctl' -D '$server/data' -m immediate stop" >/dev/null; }
as_server() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid nobody --regid nogroup --clear-groups sh -c "$1"
	else
		sh -c "$1"
	fi
}
server_stop() { server_kill; rm -rf "$server"; }
