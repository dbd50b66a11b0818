# SPDX-License-Identifier: MIT
# A shared server for tests, on an unusual port, as the user postgres. Sourced after lib.sh.
sport=$((29000 + $$ % 900)) # below the ephemeral ports
pgbin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
sdir=$work/server; mkdir "$sdir"; chmod 777 "$sdir"
as_pg() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
as_pg "$pgbin/initdb" -D "$sdir/data" -U postgres -A trust --no-sync >/dev/null
printf 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n' >"$sdir/data/pg_hba.conf"
as_pg openssl req -new -x509 -days 2 -nodes -subj /CN=localhost -out "$sdir/data/server.crt" -keyout "$sdir/data/server.key" 2>/dev/null
chmod 600 "$sdir/data/server.key"
server_up() { # its output is shown if it does not start
	as_pg "$pgbin/pg_ctl" -w -s -D "$sdir/data" -l "$sdir/log" -o "-p $sport -k $sdir -c fsync=off -c ssl=on -c listen_addresses=127.0.0.1 -c max_connections=1200 -c shared_buffers=16MB -c max_prepared_transactions=5 $*" start || { cat "$sdir/log"; return 1; }
}
server_down() { as_pg "$pgbin/pg_ctl" -s -m "${1:-immediate}" -D "$sdir/data" stop; }
sql() { psql -h "$sdir" -p "$sport" -U postgres -Atqc "$1" "${2:-postgres}"; }
server_up
sql "create role mes_user login createdb password 'mes_password'"
sql 'create database mes_e2e_db owner mes_user'
sql "create table witness as select 'the original' as who" mes_e2e_db
sql 'alter table witness owner to mes_user' mes_e2e_db
databases() { sql "select count(*) from pg_database where datname not in ('postgres','template0','template1','mes_e2e_db')"; }
shurl=postgresql://mes_user:mes_password@127.0.0.1:$sport/mes_e2e_db
