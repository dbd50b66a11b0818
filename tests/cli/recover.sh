#!/bin/sh
# berth recover and berth db: runs that live, hang or are dead are ended, nothing of them is left, nothing else is touched.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"
chmod 711 "$work"
wait_for() { tries=0; until "$@"; do tries=$((tries + 1)); [ $tries -lt 100 ] || return 1; timeout 0.1 tail -f /dev/null; done; return 0; }
# start N SCRIPT [OPTION...]: a run in the background; it has begun when every worker has made its file
start() {
	workers=$1 script=$2
	shift 2
	rm -f "$work"/ready*
	READY="$work/ready" "$BERTH" run -n "$workers" --tree shared "$@" -- sh -c "echo up >\$READY\$BERTH_WORKER; $script" \
		>"$work/run.log" 2>&1 &
	run=$!
	wait_for [ -s "$work/ready$workers" ] || { kill $run; cat "$work/run.log"; echo 'Bail out! the run did not begin'; exit 1; }
	# the numbers outside of the workers' PID namespaces
	pids=$("$BERTH" ps --json | jq -r ".[] | select(.pid == $run).workers[].pid")
}
lives() { for pid in $pids; do kill -0 "$pid" 2>/dev/null && return 0; done; return 1; }
alive() { if lives; then echo alive; else echo gone; fi; }
left() { ls "$work/run/berth"; }

berth recover
same 'nothing to recover' '0 nothing to recover' "$status $out$err"
berth recover --json
same 'and in JSON' '{"dry_run":false,"did":[],"left":[]}' "$(printf '%s' "$out" | jq -c .)"

start 2 'exec timeout 60 tail -f /dev/null'
berth recover --dry-run
has 'a dry run says which run it would end' "would do: run $("$BERTH" ps --json | jq -r '.[0].run'): end supervisor $run and its 2 workers" "$out"
same 'and does not' '0 alive' "$status $(alive)"
berth recover
same 'a live run is ended' '0 gone' "$status $(alive)"
has 'and it says how' "sent SIGTERM to supervisor $run" "$out"
same 'nothing is left' '' "$(left)"
wait $run
same 'the run knew that it was ended' 143 $?

start 1 'exec timeout 60 tail -f /dev/null'
echo 'workers: many' >berth.yaml
berth recover
same 'a run is ended even if berth.yaml is wrong' '1 gone' "$status $(alive)"
has 'but databases are then unknown' 'left: databases: unknown' "$err"
rm berth.yaml
wait $run 2>/dev/null

start 1 'trap "" TERM; while :; do timeout 5 tail -f /dev/null; done' --grace 60s
began=$(date +%s)
berth recover --json
same 'a worker that ignores SIGTERM is ended, too' '0 gone' "$status $(alive)"
has 'by a second SIGTERM' 'sent a second SIGTERM' "$out"
same 'long before its grace is over' 1 $(($(date +%s) - began < 40))
same 'and nothing is left' ' []' "$(left) $(printf '%s' "$out" | jq -c .left)"
wait $run 2>/dev/null

start 1 'exec timeout 60 tail -f /dev/null'
kill -STOP $run
berth recover
same 'a supervisor that is stopped is continued first' '0 gone' "$status $(alive)"
same 'and leaves nothing' '' "$(left)"
wait $run 2>/dev/null

start 1 'exec timeout 60 tail -f /dev/null'
id=$("$BERTH" ps --json | jq -r '.[0].run')
mkdir "$work/elsewhere"
cp -r "$work/run/berth/$id" "$work/elsewhere/"
berth recover
cp -r "$work/elsewhere/$id" "$work/run/berth/"
env BERTH_RUN="$id" timeout 60 tail -f /dev/null &
stray=$!
wait_for grep -qsz "^BERTH_RUN=$id" /proc/$stray/environ # a child of the shell until it has become env
wait $run 2>/dev/null
berth recover
same 'what a dead run left goes' '0 ' "$status $(left)"
has 'files' 'removed files' "$out"
pids=$stray
wait_for sh -c "! kill -0 $stray 2>/dev/null" || wait $stray 2>/dev/null
wait $stray 2>/dev/null
same 'and processes' gone "$(alive)"

"$BERTH" run --tree shared -- "$BERTH" recover >"$work/out" 2>&1
has 'a worker must not end itself' 'it would end its own run' "$(cat "$work/out")"
complains 'db wants to know what' "berth: expected list, drop, reset, snapshot, pull or template, got 'lst'
hint: berth help db" db lst
complains 'db drop wants a name' "berth: 'berth db drop' needs an argument: NAME...
hint: berth help db" db drop

# --- as another user ---
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir -m 755 "$work/else" && mkdir -m 700 "$work/else/run" && chown -R nobody "$work/else"
	start 1 'exec timeout 60 tail -f /dev/null'
	got=$(cd "$work/else" && setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups env HOME="$work/else" \
		XDG_RUNTIME_DIR="$work/else/run" "$BERTH" recover 2>&1)
	same "another user's runs are not seen" 'nothing to recover' "$got"
	same 'and not touched' alive "$(alive)"
	berth recover
	wait $run 2>/dev/null
else
	skip "another user's runs are not touched" 'not root'
fi

# --- databases ---
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
if [ -z "$bin" ] || ! command -v psql >/dev/null; then
	skip 'databases of dead runs are dropped' 'no PostgreSQL server: apt-get install postgresql'
	finish
fi
port=$((29000 + $$ % 900)) server=$work/server
as_pg() { (cd "$server" && if [ "$(id -u)" = 0 ]; then exec setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else exec "$@"; fi); }
mkdir -m 777 "$server"
trap 'cd /; as_pg "$bin/pg_ctl" -s -m immediate -D "$server/data" stop; rm -rf "$work"' EXIT

as_pg "$bin/initdb" -D "$server/data" -U postgres -A trust --no-sync >/dev/null
as_pg "$bin/pg_ctl" -w -s -D "$server/data" -l "$server/log" -o "-p $port -k $server -c fsync=off -c listen_addresses=127.0.0.1" start

sql() { psql -h 127.0.0.1 -p "$port" -U postgres -Atqc "$1" postgres; }
names() { sql "select datname from pg_database where datname like 'shop%' order by datname" | tr '\n' ' '; }
url=postgresql://postgres:secret@127.0.0.1:$port/shop
sql 'create database shop'
sql 'create database shop_mine_abcdefgh'
printf 'db: %s\ndb-mode: rename\n' "$url" >berth.yaml

berth doctor database --json
has 'doctor sees the server' "postgres@127.0.0.1:$port answers" "$out"
berth db list
same 'nothing of ours is there' "0 postgres@127.0.0.1:$port
  no database of Berth" "$status $out"
start 1 'exec timeout 60 tail -f /dev/null'
berth db list --json
same 'a live database is listed with its owner' "live shop $("$BERTH" ps --json | jq -r '.[0].run')" \
	"$(printf '%s' "$out" | jq -r '.[0].databases[0] | "\(.state) \(.logical) \(.run)"')"
lacks 'without a password' secret "$out"
live=$(printf '%s' "$out" | jq -r '.[0].databases[0].physical')
berth db drop "$live"
same 'and cannot be dropped' "1 berth: unable to drop database '$live': its run is still live" "$status $(printf '%s\n' "$err" | head -n 1)"
berth recover --dry-run
has 'a dry run names it' "drop database $live" "$out"
berth recover
same 'recover ends the run and its database' '0 shop shop_mine_abcdefgh ' "$status $(names)"
wait $run 2>/dev/null

# a lease whose owner is dead, as its comment says
dead=shop_w1_aaaabbbb kept=shop_w2_ccccdddd
for name in $dead $kept; do
	sql "create database $name"
	sql "comment on database $name is '{\"berth\": 1, \"run\": \"dead\", \"worker\": 1, \"task\": \"1\", \"logical\": \"shop\", \"suffix\": \"${name#shop}\", \"host\": \"h\", \"pid\": 1, \"heartbeat\": $(date +%s), \"kept\": $([ $name = $kept ] && echo true || echo false)}'"
done
berth db list --json
same 'dead and kept are distinguished' 'dead kept' "$(printf '%s' "$out" | jq -r '[.[0].databases[].state] | join(" ")')"
psql -h 127.0.0.1 -p "$port" -U postgres -Atqc 'select pg_sleep(60)' $dead >/dev/null 2>&1 &
session=$!
wait_for [ "$(sql "select count(*) from pg_stat_activity where datname = '$dead'")" = 1 ]
berth recover
same 'recover drops the dead one with its session, not the kept' "0 shop shop_mine_abcdefgh $kept " "$status $(names)"
wait $session 2>/dev/null
berth db drop shop_mine_abcdefgh
same 'what is not ours is not dropped' 1 "$status"
berth db drop --dry-run $kept
same 'a dry drop' "0 would drop $kept" "$status $out"
berth db drop $kept
same 'the kept one can be dropped by name' "0 dropped $kept shop shop_mine_abcdefgh " "$status $out $(names)"

# names as a server may have them, each with the lease of a dead owner; Berth itself never makes such but the long one
named() {
	psql -h 127.0.0.1 -p "$port" -U postgres -qtA -v name="$1" -v lease="$(jq -cn --arg suffix "${1#shop}" --arg now "$(date +%s)" \
		'{berth: 1, run: "dead", worker: 1, task: "1", logical: "shop", suffix: $suffix, host: "h", pid: 1, heartbeat: ($now | tonumber), kept: true}')" postgres <<'SQL'
create database :"name";
comment on database :"name" is :'lease';
SQL
}
escape=$(printf '\033') long=shop_$(printf '%049d' 0)_ccccdddd # 63 bytes
evil=$(printf 'shop_\033[2J\nberth: all is well_ccccdddd')
for name in 'shop_w2"; drop database shop; --_ccccdddd' "shop_it's_ccccdddd" 'shop_größe_東京_ccccdddd' "$long" "$evil"; do
	shown=$(printf '%s' "$name" | tr '\033\n' '??')
	named "$name"
	all=$(names)
	berth db list
	lacks "db list: $shown: no name commands the terminal" "$escape" "$out$err"
	has 'and it is listed' "  $shown" "$out"
	berth db drop "${name}x"
	same 'a name that is one letter longer is none' "1 $all" "$status $(names)"
	berth db drop "$name"
	lacks 'nor does what drop says' "$escape" "$out$err"
	if [ "$name" = "$long" ]; then
		same 'a name of 63 bytes is dropped' '0 shop shop_mine_abcdefgh ' "$status $(names)"
	else
		same 'a comment on a name that Berth does not make proves nothing' "1 $all" "$status $(names)"
	fi
	psql -h 127.0.0.1 -p "$port" -U postgres -qtA -v name="$name" postgres <<'SQL'
drop database if exists :"name";
SQL
done
for name in '' shop postgres template1 "shop'" 'shop"' "$(printf '%064d' 0)" ../shop -- berth_tpl_ '*'; do
	berth db drop "$name"
	[ "$status" != 0 ] && [ "$(names)" = 'shop shop_mine_abcdefgh ' ]
	report $? "db drop '$name' is refused"
done
as_pg "$bin/pg_ctl" -s -m fast -D "$server/data" stop
berth db list
same 'a server that does not run' "0 postgres@127.0.0.1:$port: no server answers" "$status $out"
berth recover
same 'has nothing to recover' '0 nothing to recover' "$status $out"
trap 'cd /; rm -rf "$work"' EXIT
finish
