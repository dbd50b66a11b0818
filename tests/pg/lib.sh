# SPDX-License-Identifier: MIT
# What the groups in tests/pg share: a scratch directory with a cache of its own, TAP, and the driver. Sourced.
set -eu
cd "$(dirname "$0")/../.."
out=${BERTH_OUT:-$PWD/.out}
export BERTH_OUT="$out"
driver=$out/tests/pg/driver
[ -x "$driver" ] || { echo "1..0 # SKIP the driver is not built: make tests"; exit 77; }
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { echo "1..0 # SKIP no PostgreSQL server: apt install postgresql"; exit 77; }
unset PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE DATABASE_URL BERTH_PG_CLONE
work=$(mktemp -d); chmod 755 "$work"
export XDG_CACHE_HOME="$work/cache"
count=0 failed=0
url=postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db
as_client='export PGPASSWORD=mes_password PGUSER=mes_user PGDATABASE=mes_e2e_db PGHOST=localhost'

ok() { # ok SENTENCE COMMAND...: passes if the command does
	count=$((count + 1)); sentence=$1; shift
	if "$@" >"$work/out" 2>&1; then
		echo "ok $count - $sentence"
	else
		failed=1; echo "not ok $count - $sentence"; sed 's/^/# /' "$work/out"
	fi
}
same() { # same SENTENCE WANT GOT
	count=$((count + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $count - $1"
	else
		failed=1; echo "not ok $count - $1"; printf 'want: %s\ngot: %s\n' "$2" "$3" | sed 's/^/# /'
	fi
}
run() { # run NAME OPTIONS... -- COMMAND: results in $work/NAME/, the driver's words in $work/NAME.err
	name=$1; shift; mkdir -p "$work/$name"; chmod 755 "$work/$name"
	status=0
	timeout 60 "$driver" "$@" 2>"$work/$name.err" || status=$?
	return 0
}
plan() { echo "1..$count"; exit "$failed"; }
