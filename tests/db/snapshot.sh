#!/bin/bash
# SPDX-License-Identifier: MIT
# `berth db snapshot` copies a worker's databases under a name, for `berth db reset NAME` and
# `berth run --snapshot NAME`. `berth db template` shows and drops templates and snapshots.
. "$(dirname "$0")/lib.sh"
. tests/db/project.sh
# files that the setups name, so that their templates are used again
echo 'create table item(n int); insert into item values (0)' >item.sql
: >one; : >two
setup='psql -qf item.sql'
cat >suite <<'SUITE'
ask() { psql -Atqc "$1"; }
ask 'insert into item values (1)'
(printf 'begin; select 1;\n\\! : >opened\n'; until [ -e cut ]; do sleep 0.05; done; echo 'select 2;') | psql -q >/dev/null 2>&1 & open=$!
until [ -e opened ]; do sleep 0.05; done
"$1" db snapshot seeded; echo "snapshot $?"
: >cut; wait $open; echo "the open session $?"
echo "goes on with $(ask 'select count(*) from item')"
ask 'delete from item'
"$1" db reset seeded; echo "to the snapshot $? $(ask 'select count(*) from item')"
ask 'insert into item values (2)'
"$1" db snapshot second; echo "second $?"
"$1" db reset; echo "to the template $? $(ask 'select count(*) from item')"
"$1" db reset second; echo "second $? $(ask 'select count(*), current_database() from item')"
"$1" db reset nosuch 2>&1 | sed 's/in run [0-9a-f]*:/in run ID:/'
echo "still $(ask 'select count(*) from item')"
SUITE
want='snapshot 0
the open session 2
goes on with 2
to the snapshot 0 2
second 0
to the template 0 1
second 0 3|mes_e2e_db'
run_it() { # run_it CLONE OPTIONS... -- COMMAND...: with the environment of the suite's clients
	clone=$1; shift; rm -f cut opened
	BERTH_PG_CLONE=$clone PGHOST=localhost PGPORT=$port PGUSER=mes_user PGPASSWORD=mes_password PGDATABASE=mes_e2e_db timeout 60 \
		"$berth" run --tree shared --db "postgresql://mes_user:mes_password@localhost:$port/mes_e2e_db" --db-mode $mode "$@"
}
from() { run_it '' --snapshot "$1" -- psql -Atqc 'select count(*) from item' 2>&1; }
of_mode() { "$berth" db template --json --db "postgresql://mes_user:mes_password@localhost:$port/mes_e2e_db" |
	jq -r --arg mode $mode '.[] | select(.mode == $mode) | '"$1"; }
for mode in private rename; do
	port=5432; [ $mode = private ] || port=$sport
	missing="there is no snapshot 'nosuch'"; [ $mode = private ] || missing="$missing of database 'mes_e2e_db' on this server"
	for clone in copy overlay; do
		[ "$mode $clone" != 'rename copy' ] || continue
		run_it $clone --setup "$setup" -- bash suite "$berth" >"$work/said" 2>"$work/errors" || cat "$work/errors" >>"$work/said"
		same "$mode, $clone: taken, gone back to, replaced; a name that nobody has changes nothing" "$want
berth: unable to reset the databases of worker 1 in run ID: $missing
still 3" "$(cat "$work/said")"
	done
	same "$mode: a run starts from it" 2 "$(from seeded)"
	same "$mode: with five workers" '2 2 2 2 2' "$(run_it '' -n 5 --output group --snapshot seeded -- psql -Atqc 'select count(*) from item' 2>&1 | grep '^[0-9]*$' | tr '\n' ' ' | sed 's/ $//')"
	ok "$mode: from one that nobody has it does not" sh -c "! (cd '$work/project'; $(declare -f run_it from); berth='$berth' mode=$mode port=$port; from nosuch) >'$work/said' 2>&1; grep -q \"$missing\" '$work/said'"
	same "$mode: the list has them, with sizes and ages" 'snapshot second true true
snapshot seeded true true
template true true' "$(of_mode '"\(if .snapshot then "snapshot " + .name else "template" end) \(.size_bytes > 1000000) \(now - .made < 300 and .made <= .used)"' | sort)"
	if [ $mode = private ]; then
		run_it '' --snapshot seeded -- "$berth" db template drop seeded >"$work/said" 2>&1 || true
		ok 'private: what a live run uses cannot be dropped' grep -q "unable to drop 'seeded' in .*: a live run uses it" "$work/said"
		run_it '' -- bash -c "psql -qc 'create table item(n int)'; $berth db snapshot seeded" >"$work/said" 2>&1
		same 'private: a name is given anew' 0 "$(from seeded)"
		ok 'private: other databases do not fit it' sh -c "'$berth' run --tree shared --db other --db-mode private --snapshot seeded -- true 2>&1 | grep -q 'was made of other databases'"
	else
		same 'rename: all names are of one server' 'snapshot seeded in mes_user@127.0.0.1' "$("$berth" db template drop seeded --db "$shurl" | sed -n 's/^dropped \(.*\):.*/\1/p')"
	fi
	"$berth" db template drop --dry-run second --db "postgresql://mes_user:mes_password@localhost:$port/mes_e2e_db" >"$work/said"
	ok "$mode: a dry run drops nothing" grep -q 'would drop snapshot second' "$work/said"
	same "$mode: as the list says" 1 "$(of_mode 'select(.name == "second") | .name' | wc -l)"
	for name in $(of_mode .name); do
		"$berth" db template drop "$(echo "$name" | cut -c-12)" --db "postgresql://mes_user:mes_password@localhost:$port/mes_e2e_db" >>"$work/said" 2>&1 || true
	done
	same "$mode: all dropped" '' "$(of_mode .name)"
done
# --- a run drops old templates at its start ---
template() { # template NAME HOURS: make one whose last use was HOURS ago
	sql "create database berth_tpl_$1 owner mes_user is_template true allow_connections false"
	sql "comment on database berth_tpl_$1 is '{\"berth\": 1, \"template\": true, \"made\": 1, \"used\": $(($(date +%s) - $2 * 3600))}'"
}
templates() { sql "select string_agg(datname, ' ' order by datname) from pg_database where datname like 'berth\\_tpl%'"; }
template fresh_0 0; template day_0 24; template week_0 170; template month_0 700
run_it '' -- true
same 'what nobody has used for two weeks goes' 'berth_tpl_day_0 berth_tpl_fresh_0 berth_tpl_week_0' "$(templates)"
size=$(sql "select pg_database_size('berth_tpl_day_0')")
printf 'template-quota: %s\n' $((size * 5 / 2)) >berth.yaml
run_it '' -- true
same 'beyond the quota the one that was not used for longest' 'berth_tpl_day_0 berth_tpl_fresh_0' "$(templates)"
echo 'template-quota: 1K' >berth.yaml
key=$(python3 -c 'h = 14695981039346656037
for c in b"use berth_tpl_day_0": h = (h ^ c) * 1099511628211 % 2**64
print(h - 2**64 if h >= 2**63 else h)')
(echo "select pg_advisory_lock_shared($key);"; until [ -e unlock ]; do sleep 0.1; done) | psql -q -h "$sdir" -p "$sport" -U postgres postgres >/dev/null & holder=$!
until [ "$(sql "select count(*) from pg_locks where locktype = 'advisory'")" != 0 ]; do sleep 0.1; done
run_it '' -- true
same 'not one that is in use, and not one of this hour' 'berth_tpl_day_0 berth_tpl_fresh_0' "$(templates)"
touch unlock; wait $holder
run_it '' -- true
same 'when it is not used any more it goes' berth_tpl_fresh_0 "$(templates)"
rm berth.yaml
"$berth" db template drop berth_tpl_fresh_0 --db "$shurl" >/dev/null
same 'nothing is left on the server' 0 "$(databases)"
# --- and those of private servers when it makes another one ---
mode=private port=5432
printf 'template-quota: 1K\n' >berth.yaml
unused() { for name; do mkdir -p "$work/cache/berth/pg/tpl-$name/5432"; head -c 5000 /dev/zero >"$work/cache/berth/pg/tpl-$name/5432/data"; : >"$work/cache/berth/pg/tpl-$name.lock"; chown -R --reference="$work/cache/berth/pg" "$work/cache/berth/pg/tpl-$name" "$work/cache/berth/pg/tpl-$name.lock"; done; }
kept() { of_mode .name | cut -c-4 | sort | paste -sd' '; }
unused aged used; touch -d '2 days ago' "$work/cache/berth/pg/tpl-aged" "$work/cache/berth/pg/tpl-used"
exec 8>>"$work/cache/berth/pg/tpl-used.lock"; flock -s 8
run_it '' --setup 'sh one' -- sleep 0.5
one=$(of_mode .name | grep -v 'aged\|used')
same 'private: beyond the quota what nobody uses goes, not what a run uses, and not the one just made' "$(printf '%.4s\nused\n' "$one" | sort | paste -sd' ')" "$(kept)"
exec 8>&-
run_it '' --setup 'sh one' -- sleep 0.5
same 'private: nothing goes where none was made' "$(printf '%.4s\nused\n' "$one" | sort | paste -sd' ')" "$(kept)"
touch -d '2 days ago' "$work/cache/berth/pg/tpl-$one"
run_it '' --setup 'sh two' -- sleep 0.5
same 'private: then both' "$(of_mode .name | grep -v "aged\|used\|$one" | cut -c-4)" "$(kept)"
rm berth.yaml
"$berth" db template drop "$(of_mode .name | cut -c-12)" >/dev/null
same 'a name that is none' "berth: a snapshot's name is 1 to 32 small letters, digits, '_' and '-', not '../x'" "$("$berth" db snapshot ../x 2>&1 | head -1)"
same 'nor anything in the cache but locks and what initdb made' 'base-' "$(find "$work/cache/berth/pg" -mindepth 1 -maxdepth 1 ! -name '*.lock' ! -name clones ! -name kept -printf '%f\n' | cut -c1-5)"
finish
