#!/bin/bash
# SPDX-License-Identifier: MIT
# The connections of a shared server: a run that needs too many does not start, and a run that uses
# nearly all is reported. Sessions idle in a transaction; databases of failed workers.
. "$(dirname "$0")/lib.sh"
. tests/db/project.sh
server_down; server_up -c max_connections=40 -c superuser_reserved_connections=4
export PGHOST=localhost PGPORT=$sport PGUSER=mes_user PGPASSWORD=mes_password PGDATABASE=mes_e2e_db
settings() { printf 'databases: ["postgresql://mes_user:mes_password@localhost:%s/mes_e2e_db"]\ndb-mode: rename\ntree: shared\n' "$sport" >berth.yaml; printf '%s\n' "$@" >>berth.yaml; }
berth() { status=0; timeout 60 "$berth" "$@" >"$work/said" 2>"$work/errors" || status=$?; }
findings() { jq -r ".findings[] | select(.kind == \"$1\") | \"w\\(.worker) \\(.severity) \\(.detail)\"" report.json; }

settings 'pool: 10'
berth run -n 4 -- touch started
same 'a run for which too few connections are left is not started, and shown the arithmetic' "125 berth: unable to provide the database: too few connections are left: 4 workers at once x (10 + 1 of Berth's) + 1 = 45, and the server at mes_user@localhost:$sport has 36: max_connections 40 - 4 reserved - 0 in use
hint: -j 3 fits; or raise max_connections, or say in berth.yaml how many a worker needs (pool)" "$status $(cat "$work/errors")"
same 'nothing was made for it' '0 ' "$(databases) $(ls started 2>/dev/null)"
berth run -n 4 -j 3 -- true
same 'fewer at once fit' 0 "$status"
berth run --db-mode auto --db "postgresql://nobody:x@localhost:$sport/shop" -- true
same 'a server that does not let the role in may belong to another project: a hint says what to do' '125 1' "$status $(grep -c '^hint: if that server is not .*--db-mode private' "$work/errors")"
python3 "$hold" "$sport" 20 60 2>/dev/null & holder=$!
held() { [ "$(sql "select count(*) >= 20 from pg_stat_activity where usename = 'mes_user'")" = t ]; }
i=0; until held || [ $i = 100 ]; do i=$((i + 1)); sleep 0.1; done
berth run -n 4 -j 3 -- true
same 'unless others have them' '125 16: max_connections 40 - 4 reserved - 20 in use' "$status $(sed -n "s/.* has \([0-9]*: max.*\)/\1/p" "$work/errors")"
kill $holder; wait $holder 2>/dev/null || true

settings
rm -r $results
berth run -n 2 --output group -- python3 "$hold" "$sport" 12 0.3
same 'without the key nobody knows' 0 "$status"
same 'a worker leaves behind how many it had at once' '12 12' "$(jq -r 'select(.event == "database_connections") | .detail' $results/runs/*/events.ndjson | tr '\n' ' ' | sed 's/ $//')"
berth run -n 3 -- touch started
same 'so the next run knows, and warns, as not all may need them at once' "0 3 workers at once x (12 as in earlier runs + 1 of Berth's) + 1 = 40" "$status $(sed -n "s/.*left: \(3.*\), and the server.*/\1/p" "$work/errors")"
settings 'pool: 2'
berth run -n 3 -- true
same 'and believes who knows better' 0 "$status"

settings 'pool: 2' 'pool-alarm: 50' 'idle-alarm: 1s'
berth run -n 2 --output group --json report.json -- sh -c "[ \$BERTH_WORKER = 1 ] || python3 '$hold' $sport 18 2.5"
same 'the alarm is a finding, told once' '1 1' "$(findings connections_low | grep -c 'connections of the server on port .* are in use') $(grep -c 'database server nearly out of connections: [0-9]* of 36 connections' "$work/errors")"
berth run --json report.json -- sh -c "(echo 'begin; select 1;'; for i in \$(seq 200); do ! grep -qs database_[i]dle $results/runs/*/events.ndjson || break; sleep 0.1; done) | psql -q >/dev/null"
same 'so is a session idle in a transaction' "w1 warning 1 session on port $sport idle in a transaction" "$(findings idle_in_transaction | cut -d, -f1)"

settings 'pool: 1'
cat >crowd.py <<'SUITE'
import os, sys
os.environ["PGPASSWORD"] = "mes_password"
sys.path.insert(0, os.path.dirname(sys.argv[1]))
import protocol
held, failed = [], 0
while failed < 24:
    try:
        held.append(protocol.Session(int(os.environ["PGPORT"])))
    except Exception:
        failed += 1
SUITE
berth run --json report.json -- python3 crowd.py "$hold"
same 'a server that turns one client after the other away is a finding, told once' "w1 warning the server on port $sport turned clients away 10 times in a row" "$(findings server_refuses | cut -d: -f1)"
if [ -n "${FULL-}" ]; then
	timeout 200 "$berth" run --each a,b,c,d,e -j 1 -- sh -c 'touch started; until [ -e limited ]; do sleep 0.1; done' >"$work/said" 2>"$work/errors" & runner=$!
	until [ -e started ]; do sleep 0.1; done
	sql "alter role mes_user connection limit 0"
	touch limited; wait $runner || true
	same 'after three workers that could not connect no further one tries, with one message' '1 1' "$(grep -c '^berth: 3 workers in a row could not connect to the server; it is not asked again for 30 s. The last time: .*too many connections for role' "$work/errors") $(grep -c 'e.*: unable to give the worker its database: 3 workers in a row could not' "$work/errors")"
	sql "alter role mes_user connection limit -1"
fi

settings 'keep-failed: true' 'pool: 1'
berth run -n 2 -- sh -c "psql -qc 'create table evidence()'; [ \$BERTH_WORKER = 1 ]"
same 'the database of the worker that failed is kept, with the command that opens it' '1 1 1' "$status $(databases) $(grep -c "^berth: w2: database kept: psql -h localhost -p $sport -U mes_user mes_e2e_db_2_" "$work/errors")"
finish
