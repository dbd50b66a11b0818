#!/bin/bash
# SPDX-License-Identifier: MIT
# `berth db reset` between two tests: a worker's databases become what the setup command made, and
# those of the other worker stay as they are.
. "$(dirname "$0")/lib.sh"
. tests/db/project.sh
cat >suite <<'SUITE'
export PGPASSWORD=mes_password PGUSER=mes_user PGDATABASE=mes_e2e_db PGHOST=localhost PGPORT=$1
ask() { psql -Atqc "$1"; }
[ "$BERTH_WORKER" = 2 ] && ask "insert into item values (2)" && : >"$2/second" && until [ -e "$2/first" ]; do sleep 0.05; done
if [ "$BERTH_WORKER" = 1 ]; then
	until [ -e "$2/second" ]; do sleep 0.05; done
	ask "insert into item values (1); create table of_the_test()"
	echo "before $(ask 'select count(*) from item') $(ask "select count(*) from pg_class where relname = 'of_the_test'")"
	"$3" db reset
	echo "reset $?"
	echo "after $(ask 'select count(*) from item') $(ask "select count(*) from pg_class where relname = 'of_the_test'") $(ask 'select current_database()')"
	if [ "$1" != 5432 ]; then # a role of the suite, whose sessions the worker's role may not end
		PGUSER=mes_other psql -qc 'begin' -c 'select pg_sleep(1)' >/dev/null 2>&1 &
		until [ "$(ask "select count(*) from pg_stat_activity where usename = 'mes_other'")" = 1 ]; do sleep 0.05; done
	fi
	"$3" db reset -w 1 && echo "again $(ask 'select count(*) from item')"
	: >"$2/first"
else
	echo "neighbour $(ask 'select count(*) from item')"
fi
SUITE
want='after 1 0 mes_e2e_db
again 1
before 2 1
neighbour 2
reset 0'
sql "create role mes_other login password 'mes_password'"
setup='psql -qc "create table item(n int); insert into item values (0)"'
for mode in private rename; do
	port=5432; [ $mode = private ] || port=$sport
	mkdir -m 777 "$work/met.$mode"
	PGHOST=localhost PGPORT=$port PGUSER=mes_user PGPASSWORD=mes_password PGDATABASE=mes_e2e_db timeout 60 "$berth" run -n 2 --output group --tree shared \
		--db postgresql://mes_user:mes_password@localhost:$port/mes_e2e_db --db-mode $mode --setup "$setup" \
		-- bash suite $port "$work/met.$mode" "$berth" >"$work/said" 2>"$work/errors" || cat "$work/errors" >>"$work/said"
	same "$mode: back to the template, and only the worker that asked" "$want" "$(grep -v '^---' "$work/said" | sort)"
done
same 'rename: the template alone is left on the server' 1 "$(databases)"
same 'a worker without a database gets an error' "berth: unable to reset the databases of worker 1 in run ID: the run has none" \
	"$("$berth" run -- "$berth" db reset 2>&1 | sed 's/run [0-9a-f]*:/run ID:/')"
if [ "$(id -u)" = 0 ]; then
	chmod 755 "$work"
	XDG_RUNTIME_DIR='' "$berth" run --tree shared --db mes_e2e_db --db-mode private -- sh -c "setpriv --reuid nobody --clear-groups $berth db reset" >"$work/said" 2>&1 || true
	ok 'another user is not heard' grep -Eq "unable to reset|no run|only root" "$work/said"
fi
finish
