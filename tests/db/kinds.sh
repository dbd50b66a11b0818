#!/bin/bash
# SPDX-License-Identifier: MIT
# Servers other than PostgreSQL: Redis, MariaDB and a command of the project, private for every
# worker, beside PostgreSQL in either mode.
. "$(dirname "$0")/lib.sh"
for program in /usr/bin/redis-server /usr/sbin/mariadbd; do
	[ -x $program ] || { echo "1..0 # SKIP no $program: scripts/bootstrap test"; exit 77; }
done
. tests/db/server.sh
trap 'server_down 2>/dev/null || :; rm -rf "$work"' EXIT
berth=${BERTH:-$out/bin/berth}
case $berth in /*) ;; *) berth=$PWD/$berth ;; esac
export BERTH_TEST_BERTH=$berth
mkdir -m 777 "$work/project"; mkdir -m 700 "$work/runtime"
cd "$work/project"
export XDG_RUNTIME_DIR="$work/runtime"

cat >berth.yaml <<YAML
databases:
  - url: mysql://shop_user:my%20secret@localhost:3306/shop
    setup: MYSQL_PWD='my secret' mariadb -h localhost -u shop_user shop -e 'create table item(x int); insert into item values (0)'
    inputs: [berth.yaml]
  - url: redis://:red%20secret%22%5C@localhost:6379/0
    setup: REDISCLI_AUTH='red secret"\\' redis-cli set seeded yes >/dev/null
  - kind: command
    port: 7700
    start: exec python3 $work/project/echo.py
    stop: echo stopped >>"\$BERTH_DIR/../../../stopped"
  - kind: command
    port: 7701
    start: python3 $work/project/echo.py; true
    ready: test -e "\$BERTH_DIR/listening"
YAML
cat >echo.py <<'PY'
import os, socket
server = socket.create_server(("127.0.0.1", int(os.environ["BERTH_PORT"])))
open(os.environ["BERTH_DIR"] + "/listening", "w")
kept = b""
while True:
    client = server.accept()[0]
    kept += client.recv(100)
    client.sendall(kept)
    client.close()
PY
cat >suite <<'SUITE'
export MYSQL_PWD='my secret' REDISCLI_AUTH='red secret"\'
echo() { command echo "$BERTH_WORKER" "$@"; }
maria() { mariadb "$@" -u shop_user shop; }
say() { exec 3<>"/dev/tcp/localhost/$1"; printf %s "$2" >&3; cat <&3; exec 3>&-; }
maria -h 127.0.0.1 -e "insert into item values ($BERTH_WORKER)"
redis-cli set who "$BERTH_WORKER" >/dev/null
say 7700 "a$BERTH_WORKER" >/dev/null; say 7701 "b$BERTH_WORKER" >/dev/null
sleep 0.5 # until the other workers have written, too
echo "$(maria -h localhost -Ne 'select group_concat(x order by x) from item') $(maria -h ::1 -Ne 'select database()')" \
	"$(redis-cli get who) $(redis-cli -s /run/redis/redis-server.sock get seeded) $(redis-cli dbsize) $(say 7700 +) $(say 7701 +)"
if [ "$BERTH_WORKER$1" = 1reset ]; then
	"$BERTH_TEST_BERTH" db reset || echo no reset
	echo "$(maria -h localhost -Ne 'select group_concat(x order by x) from item') $(redis-cli dbsize) $(say 7700 +)"
fi
SUITE
want() { for i in $(seq "$1"); do echo "$i 0,$i shop $i yes 2 a$i+ b$i+"; done; }
as() { # as USER COMMAND...
	as=; [ "$1" = "$(id -un)" ] || as="setpriv --reuid $1 --clear-groups env HOME=$work/home XDG_CACHE_HOME=$work/home/cache XDG_STATE_HOME=$work/home/state XDG_RUNTIME_DIR=$work/home"
	shift; timeout 60 $as "$@"
}
suite() { # suite USER WORKERS OPTIONS...
	user=$1 count=$2; shift 2
	as "$user" "$berth" run -n "$count" "$@" -- bash suite "${reset-}" >"$work/said" 2>"$work/errors" || cat "$work/errors" >>"$work/said"
	sed 's/^w[0-9]* | //' "$work/said" | sort
}
servers() { pgrep -fa "$work/[c]ache|$work/[h]ome|$work/[p]roject/echo.py" || true; }
clones() { find "$work/cache/berth/pg/clones" -name '*-w*' 2>/dev/null | wc -l; }

reset=reset
same 'each worker has servers of its own, and a reset brings back what the setup made' "$(echo '1 0 1 +'; want 2)" "$(suite "$(id -un)" 2 --tree shared)"
reset=
same 'nothing of them is left' '' "$(servers)$(clones | sed 's/^0$//')"
backends="preload seccomp"
"$berth" run --backend bpf --db-mode off -- true 2>/dev/null && backends="$backends bpf"
copies=3; [ -z "${FULL-}" ] || copies=8
for backend in $backends; do
	same "$copies at once under $backend" "$(want $copies)" \
		"$(suite "$(id -un)" $copies --backend "$backend")"
done
same 'the template was made once, then taken from the cache' "1 built $(set -- $backends; echo $#) cached" \
	"$(cat $results/runs/*/events.ndjson | grep database_template | grep -Eo 'built|cached' | sort | uniq -c | xargs)"
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$work/home/project"; cp berth.yaml suite "$work/home/project"; chown -R nobody "$work/home"
	same 'the same without privilege' "$(want 2)" "$(cd "$work/home/project" && suite nobody 2)"
fi
suite "$(id -un)" 1 --keep >/dev/null
ok 'a kept database is reported, with the command that opens it' grep -Eq 'database kept: .*redis-server .*/redis.conf' "$work/errors"

timeout 60 "$berth" run -n 2 --tree shared -- sh -c ': >"up.$BERTH_WORKER"; exec sleep 60' >/dev/null 2>&1 & run=$!
until [ -e up.1 ] && [ -e up.2 ]; do sleep 0.05; done
ok 'while it runs' test -n "$(servers)"
same 'no password is on a command line' '' "$(pgrep -fa 'red [s]ecret|my [s]ecret' || true)"
sockets=$(readlink "$XDG_RUNTIME_DIR"/berth/*/berth-pg-* || echo "$XDG_RUNTIME_DIR"/berth/*/berth-pg-*)
ok 'their sockets have a directory' test -d "$sockets"
pkill -KILL -P "$(pgrep -P $run -x berth)" -x berth-guard 2>/dev/null || true
pkill -KILL -P $run || true; wait $run 2>/dev/null || true
for i in $(seq 50); do [ -n "$(servers)" ] || break; sleep 0.1; done
"$berth" reap >/dev/null 2>&1 || true
same 'after SIGKILL nothing runs on' '' "$(servers)"
ok 'and the directory of the sockets is gone' test ! -e "$sockets"
suite "$(id -un)" 1 >/dev/null
same 'and the next run clears what is left' 0 "$(clones)"

printf 'databases:\n  - url: %s\n    mode: rename\n  - kind: redis\n    port: 6379\n' "$shurl" >berth.yaml
same 'PostgreSQL renamed, Redis private' "1 mes_e2e_db PONG
2 mes_e2e_db PONG" "$(timeout 60 "$berth" run -n 2 --output group -- sh -c "echo \$BERTH_WORKER \$(PGPASSWORD=mes_password psql -Atqc 'select current_database()' -h 127.0.0.1 -p $sport -U mes_user mes_e2e_db) \$(redis-cli ping)" 2>"$work/errors" | grep -v '^---' | sort)"
ok 'and both modes are reported' grep -q 'databases rename and private' "$work/errors"

cat >berth.yaml <<YAML
databases:
  - url: $shurl
    settings: [max_prepared_transactions=7, "search_path=it's, \"my\\\\own\""]
  - {kind: redis, port: 6379, settings: [maxmemory=5mb]}
  - {url: "mysql://shop_user:x@localhost:3306/shop", settings: [max-connections=77]}
YAML
cat >asks <<'SUITE'
psql -Atc 'show max_prepared_transactions' -c 'show search_path' "$1"
redis-cli config get maxmemory | tail -n 1
MYSQL_PWD=x mariadb -Ne 'select @@max_connections' -u shop_user shop
SUITE
same 'settings of the project, on servers of its own although one answers' "7 it's, \"my\\own\" 5242880 77" \
	"$(as "$(id -un)" "$berth" run -- sh asks "$shurl" 2>"$work/errors" | paste -sd' '; grep '^berth: .*\(unable\|failed:\)' "$work/errors")"
if [ "$(id -u)" = 0 ]; then
	cp berth.yaml asks "$work/home/project"
	same 'without privilege, too' "7 it's, \"my\\own\" 5242880 77" "$(cd "$work/home/project" && as nobody "$berth" run -- sh asks "$shurl" 2>"$work/errors" | paste -sd' ')"
fi

refused() { # refused SENTENCE WANT YAML
	printf 'databases:\n%b' "$3" >berth.yaml
	"$berth" run -- true >"$work/said" 2>&1 && echo 'it ran' >>"$work/said"
	ok "$1" grep -q "$2" "$work/said"
}
refused 'a command without a start' 'needs start' '  - kind: command\n    port: 7700\n'
refused 'two servers on one port' 'two different servers need port 6379' '  - kind: redis\n  - url: mysql://localhost:6379/x\n'
refused 'a setting that is none' 'each is NAME=VALUE' '  - kind: redis\n    settings: [maxmemory]\n'
refused 'a setting for a server that is shared' 'a shared server takes no' "  - url: $shurl\n    mode: rename\n    settings: [a=b]\n"
refused 'a setting that the server refuses' 'no_such_setting' "  - url: $shurl\n    settings: [no_such_setting=1]\n"
refused 'a server that ends at once says why' 'no such luck' '  - kind: command\n    port: 7700\n    start: echo no such luck; exit 3\n'
finish
