# SPDX-License-Identifier: MIT
# What the groups in tests/db share: a temporary directory with its own cache, TAP, and the driver.
# Sourced.
set -eu
cd "$(dirname "$0")/../.."
out=${BERTH_OUT:-$PWD/.out}
export BERTH_OUT="$out"
driver=$out/tests/db/driver
[ -x "$driver" ] || { echo "1..0 # SKIP the driver is not built: make tests"; exit 77; }
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { echo "1..0 # SKIP no PostgreSQL server: apt install postgresql"; exit 77; }
unset PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE DATABASE_URL BERTH_PG_CLONE
work=$(mktemp -d); chmod 755 "$work"
export XDG_CACHE_HOME="$work/cache" XDG_STATE_HOME="$work/state"
# a pattern: where the results of the only project are
results=$work/state/berth/*
. tests/tap.sh
url=postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db
as_client='export PGPASSWORD=mes_password PGUSER=mes_user PGDATABASE=mes_e2e_db PGHOST=localhost'

ok() { # ok SENTENCE COMMAND...: passes if the command does
	sentence=$1 good=0; shift
	"$@" >"$work/out" 2>&1 || good=1
	report $good "$sentence" "$work/out"
}
same() { # same SENTENCE WANT GOT
	if [ "$2" = "$3" ]; then
		report 0 "$1"
	else
		report 1 "$1"; explain want "$2"; explain got "$3"
	fi
}
wait_for() { # wait_for COMMAND...: until it succeeds, for at most ten seconds
	i=0
	while [ $i -lt 100 ]; do "$@" && return 0; i=$((i + 1)); timeout 0.1 tail -f /dev/null || true; done
	return 1
}
run() { # run NAME OPTIONS... -- COMMAND: results in $work/NAME/, the driver's stderr in $work/NAME.err
	name=$1; shift; mkdir -p "$work/$name"; chmod 755 "$work/$name"
	status=0
	timeout 60 "$driver" "$@" 2>"$work/$name.err" || status=$?
	return 0
}
