# SPDX-License-Identifier: MIT
# psql, createdb, dropdb, and pg_dump -C whose dump is restored under another name.
set -eu
[ "$(psql -Atqc 'select current_database()')" = mes_e2e_db ]
psql -Atqc "\\l mes_e2e_db" | grep -q '^mes_e2e_db|'
psql -qc "insert into landed values ('$LANDING')"
createdb tools_made
pg_dump -C mes_e2e_db >"$SCRATCH/dump.$BERTH_WORKER"
! grep -q 'mes_e2e_db_' "$SCRATCH/dump.$BERTH_WORKER"
sed 's/mes_e2e_db/tools_copied/g' "$SCRATCH/dump.$BERTH_WORKER" | psql -q -v ON_ERROR_STOP=1 -d tools_made >/dev/null
[ "$(psql -Atqc 'select current_database(), count(*) from witness' -d tools_copied)" = 'tools_copied|1' ]
dropdb -f tools_copied
dropdb tools_made
