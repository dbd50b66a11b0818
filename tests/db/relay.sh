#!/bin/sh
# SPDX-License-Identifier: MIT
# The relay alone, in front of a server of this test: names, errors, protocols and connections.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/server.sh"
rport=$((26000 + $$ % 900)); suffix=_t1_abcdefgh; phys=mes_e2e_db$suffix
sql "create database $phys owner mes_user template mes_e2e_db"
dump() { # the shared database, without the random keys of a dump
	PGPORT=$sport pg_dump -h "$sdir" -U postgres -C mes_e2e_db |
		grep -v '^.restrict\|^.unrestrict' | md5sum
}
before=$(dump)
flow_mb=64; [ -z "${FULL-}" ] || flow_mb=1024 # how much COPY moves each way
relay_up() { # relay_up [ENV=VALUE]: on $rport
	env "$@" "$out/tests/db/relay" $rport "$work/.s.PGSQL.5432" 127.0.0.1 $sport $suffix \
		mes_e2e_db >"$work/relay.out" 2>&1 & relay=$!
	until grep -q . "$work/relay.out"; do kill -0 $relay; done
}
relay_restart() { # relay_restart [ENV=VALUE]
	kill $relay; wait $relay 2>/dev/null || true
	relay_up "$@"
}
hba() { # hba FROM TO: change the server's lines for TCP, host or hostssl
	sed -i "s/^$1 /$2 /" "$sdir/data/pg_hba.conf"
	as_pg "$pgbin/pg_ctl" -s -D "$sdir/data" reload
}
trap 'kill $relay 2>/dev/null || :; server_down 2>/dev/null || :; rm -rf "$work"' EXIT
relay_up
export PGPASSWORD=mes_password PGUSER=mes_user PGHOST=127.0.0.1 PGPORT=$rport PGDATABASE=mes_e2e_db
q() { timeout 20 psql -Atq "$@" 2>&1 || true; }
line() { tr '\n' ' ' | sed 's/ $//'; }
same_q() { same "$1" "$2" "$(q -c "$3" | line)"; } # SENTENCE WANT STATEMENT
q_tls() { mode=$1; shift; PGSSLMODE=$mode q "$@"; } # q_tls SSLMODE ...
has_tls='select ssl from pg_stat_ssl where pid = pg_backend_pid()'

# --- names ---
same_q 'current_database() is what the client configured' mes_e2e_db 'select current_database()'
same_q 'but the session is in the physical database' t \
	"select (select oid from pg_database where datname = 'mes_e2e_db') =
	(select datid from pg_stat_activity where pid = pg_backend_pid())"
timeout 20 psql -Atqc 'select pg_sleep(20)' >/dev/null 2>&1 & sleeper=$!
until seen=$(sql "select distinct datname from pg_stat_activity where usename = 'mes_user'")
	[ -n "$seen" ]; do kill -0 $sleeper; done
same 'as the server shows' "$phys" "$seen"
kill $sleeper
same_q 'other databases are invisible' 'mes_e2e_db postgres template0 template1' \
	'select datname from pg_database order by 1'
same_q 'a literal compared with datname' 1 "select 1 from pg_database where datname = 'mes_e2e_db'"
same_q "IN, LIKE and psql's regular expression" mes_e2e_db \
	"select datname from pg_database where datname in ('mes_e2e_db') and datname like 'mes%'
	and datname OPERATOR(pg_catalog.~) '^(mes_e2e_db)\$'"
same_q 'current_database() compared with a literal' t "select current_database() = 'mes_e2e_db'"
same_q 'table_catalog' mes_e2e_db "select distinct table_catalog from information_schema.tables
	where table_catalog = 'mes_e2e_db'"
same_q 'a name of three parts' 'the original' 'select who from mes_e2e_db.public.witness'
same_q 'a column of four parts, and USING' 'the original' \
	'delete from mes_e2e_db.public.witness w using mes_e2e_db.public.witness v where false;
	select mes_e2e_db.public.witness.who from mes_e2e_db.public.witness
	where "mes_e2e_db".public.witness.who is not null'
same_q 'a regclass of three parts' witness "select 'mes_e2e_db.public.witness'::regclass"
same_q 'pg_database_size and has_database_privilege' 't|t' \
	"select pg_database_size('mes_e2e_db') > 0, has_database_privilege('mes_e2e_db', 'CONNECT')"
same_q 'their forms with a role and with an oid' 't|t|t|t|t|t' \
	"select has_database_privilege('mes_user', oid, 'CREATE'),
	has_database_privilege(lower('MES_USER'), 'mes_e2e_db', 'CREATE'),
	has_database_privilege('mes_user'::name, (oid), 'CREATE'),
	has_database_privilege(oid, 'CREATE'),
	has_database_privilege('1'::oid, 'CONNECT'), pg_database_size('1'::oid) > 0
	from pg_database where datname = 'mes_e2e_db'"
same_q 'names in comments, other strings and dollar quotes stay' \
	'datname = mes_e2e_db datname /* x */' \
	"select /* datname = 'mes_e2e_db' */ 'datname = mes_e2e_db ' ||
	\$x\$datname /* x */\$x\$ -- datname = 'mes_e2e_db'"
same_q 'an unrelated literal stays as it is' mes_e2e_db "select 'mes_e2e_db'"
same_q 'a string with escapes' "it's mes_e2e_db" \
	"select E'it\\'s ' || datname from pg_database where datname = E'mes_e2e_db'"
same_q 'a string that goes on behind a comment' "a'|1 2" "select E'a' -- it's
'\\'', 1; select 2 where current_database() = 'mes_e2e_db' --'"
q -c "set standard_conforming_strings = off" \
	-c "select 'a\\'' || datname from pg_database where datname = 'mes_e2e_db'" >"$work/scs"
same 'strings without standard_conforming_strings' "a'mes_e2e_db" "$(tail -1 "$work/scs")"


# --- the same names in quotes ---
for view in pg_database pg_stat_activity pg_stat_database pg_prepared_xacts pg_replication_slots; do
	for name in "\"$view\"" "\"pg_catalog\".\"$view\"" "PG_CATALOG.\"$view\"" \
		"U&\"pg\\005f${view#pg_}\"" "u&\"pg!005f${view#pg_}\" uescape '!'"; do
		same_q "only the worker's rows are in $name" "$(q -c "select count(*) from $view")" \
			"select count(*) from $name"
	done
done
same 'a view in capitals within quotes is another one' 1 \
	"$(q -c 'select from "PG_DATABASE"' | grep -c 'relation "PG_DATABASE" does not exist')"
same_q 'a column and a literal' 'mes_e2e_db|mes_e2e_db|t' 'select "d"."datname",
	"catalog_name", U&"curr\0065nt_database"() = '"'mes_e2e_db'"'
	from "pg_catalog"."pg_database" "d", "information_schema"."information_schema_catalog_name"
	where "d"."datname" = '"'mes_e2e_db' and \"catalog_name\" = 'mes_e2e_db'"
same_q 'a qualified column' mes_e2e_db "select \"pg_catalog\".\"pg_database\".\"datname\"
	from \"pg_catalog\".\"pg_database\" where U&\"d\\0061tname\" = 'mes_e2e_db'"
same_q 'functions' 't|t' "select \"pg_database_size\"('mes_e2e_db') > 0,
	\"pg_catalog\".\"has_database_privilege\"('mes_e2e_db', 'CONNECT')"
same_q 'a name of three parts' 'the original|the original' \
	'select a.who, b.who from "mes_e2e_db".public.witness a,
	(select * from MES_E2E_DB.public.witness) b'
same 'UPDATE without a name is refused' 2 "$(q -c 'update "pg_database" set datistemplate = false' \
	-c 'delete from "pg_catalog"."pg_database"' | grep -c "not this worker's")"
sql 'create database other_t2_abcdefgh'
timeout 20 psql -h 127.0.0.1 -p "$sport" -U mes_user -Atqc 'select pg_sleep(20)' other_t2_abcdefgh \
	>/dev/null 2>&1 & sleeper=$!
until [ "$(sql "select count(*) from pg_stat_activity where datname like 'other%'")" = 1 ]; do
	kill -0 $sleeper
done
same_q "the sessions of another worker are not ended" '' 'select pg_terminate_backend("pid")
	from "pg_stat_activity" where "datname" is not null and "datname" <> current_database()'
same 'they go on' 1 "$(sql "select count(*) from pg_stat_activity where datname like 'other%'")"
kill $sleeper; wait $sleeper 2>/dev/null || true
sql 'drop database other_t2_abcdefgh with (force)'

# --- names with quotes and backslashes, compared by their values ---
for name in "mes'q" 'mes\b' 'mes"d' 'mes q' Mes; do
	createdb "$name"
	same "$name: :'v' of psql, which writes E'' for a backslash" "$name" \
		"$(timeout 20 psql -Atqv v="$name" -f - <<-'S'
		select datname from pg_database where datname = :'v'
	S
	)"
	same "$name: a dollar quote" "$name" \
		"$(q -c "select datname from pg_database where datname = \$\$$name\$\$")"
done
same_q 'strings in other forms' "mes'q mes\\b mes'q" \
	"select string_agg(datname, ' ' order by n) from pg_database, generate_series(1, 3) n
	where (n = 1 and datname = U&'mes!0027q' uescape '!')
	or (n = 2 and datname in (E'm\\x65s\\\\b', ''))
	or (n = 3 and datname = E'mes\\'q')"
same_q 'a string that goes on in another line' "mes'q" "select datname from pg_database
	where datname = 'm'
	'es''q'"
same_q 'elements of an array' 'mes"d mes'"'q mes\\b" \
	"select string_agg(datname, ' ' order by datname collate \"C\") from pg_database
	where datname = any ('{\"mes\\\"d\",mes''q,mes\\\\b}')"
same_q 'a program in a string' '' "do 'begin if not exists (select from pg_database
	where datname = ''mes''''q'') then raise ''none''; end if; end'"
for name in "mes'q" 'mes\b' 'mes"d' 'mes q' Mes; do dropdb "$name"; done

# --- statements about databases ---
same_q 'CREATE DATABASE' '' 'create database n1; '
same_q 'ALTER DATABASE RENAME' n2 \
	"alter database n1 rename to n2; select datname from pg_database where datname = 'n2'"
same 'on the server the name ends in the suffix' 1 \
	"$(sql "select count(*) from pg_database where datname = 'n2$suffix'")"
same_q 'DROP DATABASE' '' 'drop database if exists n2 with (force)'
same_q 'GRANT, COMMENT, ALTER ... SET' '' "grant connect on database mes_e2e_db to public;
	comment on database mes_e2e_db is 'x'; alter database mes_e2e_db set work_mem = '5MB'"
same_q 'the same in a DO block, as text and through format()' '' \
	"do \$\$ begin execute 'alter database mes_e2e_db set work_mem = 7777';
	execute format('alter database %I set geqo = off', 'mes_e2e_db'); end \$\$"
same 'none of these changed the original' '0|' \
	"$(sql "select count(*), max(shobj_description(d.oid, 'pg_database'))
	from pg_database d left join pg_db_role_setting s on s.setdatabase = d.oid
	where datname = 'mes_e2e_db' and s.setdatabase is not null")"
same 'DROP DATABASE postgres is refused' \
	'ERROR:  42501: this would change a database that all workers share' \
	"$(psql -v VERBOSITY=verbose -Atqc 'drop database postgres' 2>&1 | head -1)"
same 'a name by the numbers of its characters' 1 "$(q -c 'create database U&"n\0034"' \
	-c "alter database U&\"n!0034\" uescape '!' set geqo = off" \
	-c "select 1 from pg_database where datname = 'n4'" -c 'drop database n4')"
same 'also of a shared database' 1 "$(q -c 'drop database U&"p\006fstgres"' |
	grep -c 'ERROR:  this would change a database that all workers share')"
same 'with a hint' 1 \
	"$(q -c 'alter database template1 set work_mem=1' | grep -c 'HINT:.*--db-mode private')"
same 'UPDATE pg_database without a name is refused' 1 \
	"$(q -c 'update pg_database set datistemplate = false' | grep -c "not this worker's")"
same 'a refusal aborts a transaction as any error does' 1 \
	"$(q -c 'begin; drop database postgres; select 1' -c 'select 2' | grep -c '^2$')"

# --- connections of the server ---
sql 'create extension dblink' $phys
own="host=127.0.0.1 port=$sport user=mes_user password=mes_password"
address=mes_user:mes_password@127.0.0.1:$sport/mes_e2e_db
q -c 'create table here as select 1 as n' >/dev/null
for string in "'$own dbname=mes_e2e_db'" "'$own dbname = mes_e2e_db'" \
	"'dbname=''mes_e2e_db'' $own'" "\$\$$own dbname='mes_e2e_db'\$\$" \
	"'postgresql://$address'" "'postgres://$address?application_name=x'" \
	"'postgres://$address?dbname=mes_e2e_db'"; do
	shown=$(printf %s "$string" | sed 's/host=.*password=mes_password/.../; s/@.*://')
	same_q "a server that connects to itself is in the same database: $shown" 1 \
		"select n from dblink($string, 'select n from here') as t(n int)"
done
same_q 'such a string in another place is data' 'dbname = mes_e2e_db|postgres://h/mes_e2e_db' \
	"select 'dbname = mes_e2e_db' as server, 'postgres://h/mes_e2e_db'
	from (select 1) as server"
sql 'create database elsewhere'
same "the server never connects to a database that is not the worker's" 1 \
	"$(q -c "select n from dblink('postgres://${address%/*}/elsewhere', 'select 1')
	as t(n int)" | grep -c 'database "elsewhere.*" does not exist')"
sql 'drop database elsewhere'
q -c 'drop table here' >/dev/null; sql 'drop extension dblink' $phys

# --- prepared transactions ---
sql "begin; lock witness in access share mode; prepare transaction 'x1'" mes_e2e_db
same_q 'a prepared transaction has its own identifier, and no other is visible' 'x1|mes_e2e_db' \
	"begin; create table tpc(a int); prepare transaction 'x1';
	select gid, database from pg_prepared_xacts where database = 'mes_e2e_db'"
same_q 'ROLLBACK PREPARED' '' "rollback prepared 'x1'"
same_q 'only once' 'ERROR:  prepared transaction with identifier "x1" does not exist' \
	"commit prepared 'x1'"
same 'the original stays' x1 "$(sql 'select gid from pg_prepared_xacts')"
sql "rollback prepared 'x1'" mes_e2e_db

# --- errors ---
same 'an error position is where the client wrote it' 18 \
	"$(q -c '\set VERBOSITY verbose' -c 'select x y z from pg_database, pg_stat_activity' |
	awk '/\^/ {print length($0) - length("LINE 1: ") + 6}' | head -1)"
same 'error texts name the logical database' 'FATAL:  database "nosuch" does not exist' \
	"$(q -d nosuch -c 'select 1' | sed 's/.*failed: //')"
long=$(printf 'l%.0s' $(seq 63))
same_q 'a name of 63 bytes' '' "create database $long"
same 'is shortened on the server and whole for the client' "$long" \
	"$(q -d $long -c 'select current_database()')"
same 'and can be dropped' "" "$(q -d postgres -c "drop database $long")"

# --- tools ---
ok 'createdb' createdb made
pg_dump -C mes_e2e_db >"$work/dump"
same 'pg_dump -C writes logical names only' '1 0' \
	"$(grep -c '^CREATE DATABASE mes_e2e_db ' "$work/dump") $(grep -c $suffix "$work/dump")"
sed 's/mes_e2e_db/copied/g' "$work/dump" >"$work/copied"
ok 'psql restores the dump' psql -q -v ON_ERROR_STOP=1 -d made -f "$work/copied"
same 'with its data' 'the original' "$(q -d copied -c 'select who from witness')"
ok 'dropdb -f' dropdb -f copied
ok 'dropdb' dropdb made
same '\l NAME' mes_e2e_db "$(q -c '\l mes_e2e_db' | cut -d'|' -f1 | head -1)"

statements() { psql -Atq -a -f tests/db/statements.sql 2>&1 | sed 's/with PID [0-9]*/with PID/'; }
statements >"$work/through"
(PGPORT=$sport PGDATABASE=$phys; statements) >"$work/direct"
ok 'fifty statements give the same results, errors and notices as without the relay' \
	diff "$work/direct" "$work/through"
ok 'which are not empty' test "$(wc -l <"$work/direct")" -gt 100

# --- TLS ---
same 'sslmode=disable, prefer, allow' '1 1 1' \
	"$(for m in disable prefer allow; do q_tls $m -c 'select 1'; done | line)"
same 'a client that insists on TLS is served at once' 1 "$(q_tls require -c 'select 1')"
same 'with SCRAM, without channel binding' '1 1' \
	"$(for m in disable prefer; do
		PGCHANNELBINDING=$m q_tls require -c 'select 1'
	done | line)"
same "a client that verifies the server's certificate refuses the relay's" 2 \
	"$(for m in verify-ca verify-full; do
		PGSSLROOTCERT=$sdir/data/server.crt q_tls $m -c 'select 1'
	done | grep -c 'certificate verify failed')"
same 'a client that insists on channel binding is refused' 1 \
	"$(PGCHANNELBINDING=require q_tls require -c 'select 1' | grep -c 'channel binding')"
same 'TLS carries bulk as well' 300000 \
	"$(q_tls require -c "select string_agg('x','') from generate_series(1,300000)" |
	tr -d '\n' | wc -c)"
relay_restart
hba host hostssl
uses_tls() { [ "$(q_tls disable -c "$has_tls")" = t ]; }
ok 'a server that insists on TLS gets it' wait_for uses_tls
same 'also for a client that prefers TLS' t "$(q_tls prefer -c "$has_tls")"
same 'a client that insists and supports channel binding gets a hint' 1 \
	"$(q_tls require -c 'select 1' | grep -c 'HINT:.*channel_binding=disable')"
same 'one that insists and does not support it is served' t \
	"$(PGCHANNELBINDING=disable q_tls require -c "$has_tls")"
hba hostssl host

# --- protocol ---
same 'SCRAM refuses a wrong password' 1 \
	"$(PGPASSWORD=wrong q_tls disable -c 'select 1' | grep -c 'password authentication failed')"
same 'replication=database is refused with a reason' 1 \
	"$(q_tls disable -d 'dbname=mes_e2e_db replication=database' -c 'select 1' |
	grep -c 'logical replication is not possible')"
same 'a unix socket' 1 "$(PGHOST=$work PGPORT=5432 q -c 'select 1')"
psql -qc 'select pg_sleep(19)' >"$work/cancel" 2>&1 & sleeper=$!
sleeps() {
	[ "$(sql "select count(*) from pg_stat_activity
		where query = 'select pg_sleep(19)' and state = 'active'")" = 1 ]
}
ok 'a statement that takes long' wait_for sleeps
kill -INT $sleeper; wait $sleeper || true
ok 'is cancelled' grep -q 'canceling statement' "$work/cancel"
q -c 'create table big as select g, repeat(md5(g::text), 3) t from generate_series(1,200000) g' \
	-c 'copy big to stdout' >"$work/big"
same 'COPY of 20 MB out and in' 200000 \
	"$(q -c 'create table big2 (like big)' -c "\\copy big2 from $work/big" \
		-c 'select count(*) from big2')"
ok 'COPY both ways past a side that does not read, sides that vanish, long keys for cancelling' \
	python3 tests/db/flow.py $rport $sport "$out/tests/db/relay" $relay "$flow_mb"
ok 'the protocol itself: pipelining, half-open, bad lengths, bytes before an answer' \
	python3 tests/db/wire.py $rport
ok 'a thousand idle connections at once' python3 tests/db/idle.py $rport 1000
memory=$(awk '/VmHWM/ {print $2}' /proc/$relay/status)
ok "and less than 60000 KiB of memory: $memory" test "$memory" -lt 60000

# --- a server that is not there, or has no TLS ---
server_down
same 'without the server a client gets the reason' 1 \
	"$(q -c 'select 1' | grep -c 'cannot be reached')"
server_up -c ssl=off
same 'after a restart of the server clients are served' mes_e2e_db \
	"$(q -c 'select current_database()')"
relay_restart
same 'for a server without TLS, a client that insists is refused as by the server' 1 \
	"$(q_tls require -c 'select 1' | grep -c 'does not support SSL')"
relay_restart RELAY_TLS=1
hba host hostssl
refused() {
	q_tls disable -c 'select 1' |
		grep -q 'no pg_hba.conf entry.*database "mes_e2e_db", no encryption'
}
ok "a client that the server lets in neither way gets the server's message" wait_for refused
hba hostssl host
ok 'and is served when the server lets it in' wait_for psql -c 'select 1'
same 'with sslmode=require in the URL, clients that insist are served' 1 \
	"$(q_tls require -c 'select 1')"

same 'the shared database is the same, byte for byte' "$before" "$(dump)"
finish
