#!/bin/bash
# SPDX-License-Identifier: MIT
# After whole runs a password may be in memory, and in files that no other user may read. The test
# looks for it in the arguments of all programs, in all output, in records, reports and logs, and, while
# a run is live, in the cache and the run-time files.
. "$(dirname "$0")/lib.sh"
. tests/db/project.sh
word=sEcReT99
sql "alter role mes_user password '$word'"
mkdir -m 700 "$work/runtime"; export XDG_RUNTIME_DIR="$work/runtime"
said=$work/printed; mkdir "$said"
(umask 077; echo "*:*:*:*:$word" >"$work/pass"; printf '%s\n' "$word" '\x73\x45\x63\x52\x65\x54\x39\x39' >"$work/word") # as redis.conf has it
export PGPASSFILE="$work/pass" WORD="$work/word" PGUSER=mes_user PGDATABASE=mes_e2e_db PGHOST=localhost PGPORT="$sport"
with=postgresql://mes_user:$word@localhost:$sport/mes_e2e_db
cat >suite <<'SUITE'
psql -qc 'select 1/0'
for verb in 'ps --json' 'env -w 1' 'db list' 'db list --json' 'db template --json' "db snapshot s$1"; do "$BERTH_TEST_BERTH" $verb; done
grep -rlFf "$WORD" "$XDG_RUNTIME_DIR" "$XDG_CACHE_HOME" | xargs -r stat -c '%a %n' | sed 's#/.*/#/#'
exit 1
SUITE
export BERTH_TEST_BERTH="$berth"
spoken() { name=$1; shift; timeout 60 "$berth" "$@" >"$said/$name" 2>&1 || true; } # spoken NAME ARGUMENTS OF BERTH...
(while [ ! -e "$work/stop" ]; do cat /proc/[0-9]*/cmdline 2>/dev/null || true; sleep 0.01; done | tr '\0' '\n' | sort -u >"$work/args") & sampler=$!
for mode in private rename; do
	printf 'databases:\n  - url: %s\n    setup: psql -qc "create table t()"\n  - url: redis://:%s@localhost:6399/0\n' "$with" "$word" >berth.yaml
	spoken $mode run -v -n 2 --tree shared --db-mode $mode --keep --json "$said/$mode.json" --junit "$said/$mode.xml" --html "$said/$mode.html" \
		--trace "$said/$mode.trace" -- bash suite $mode
	spoken $mode.doctor doctor database --json
	rm berth.yaml
	DATABASE_URL=$with spoken $mode.environment run -v --db-mode $mode --db mes_e2e_db -- sleep 0.3
done
touch "$work/stop"; wait $sampler
# a password in an argument is there until Berth has read it
seen='for pid in $(pgrep berth); do tr "\0" "\n" <"/proc/$pid/cmdline"; done | grep -e db-mode -e mes_user'
spoken option run -v -n 2 --processes shared --db-mode rename --db "$with" -- sh -c "$seen"
for reader in 'report --markdown -' 'trends --json' 'leaks --json' 'recover --dry-run'; do spoken "${reader%% *}" $reader; done
spoken elsewhere run --db "postgresql://mes_user:$word@db.example.com/x" -- true
spoken malformed run --db "postgresql://mes_user:$word@localhost:port/x" -- true
spoken foreign run --db "oracle://mes_user:$word@localhost/x" -- true
sql "alter role mes_user password 'another'"
spoken refused run -v --db-mode rename --db "$with" -- true
printf 'databases:\n  - mode: oracle://mes_user:%s@localhost/x\n' $word >berth.yaml
spoken check check

ok 'the suites ran in both modes, and a wrong password was refused' sh -c "grep -q 'division by zero' '$said/private' && grep -q 'division by zero' '$said/rename' && grep -q 'authentication failed' '$said/refused'"
same 'the password is in no argument of any program' 'seen 0' "$(grep -q -e --db-mode "$work/args" && echo seen) $(grep -cF "$word" "$work/args")"
ok 'where it was given as one, that is hidden' grep -q '| --db-mode' "$said/option"
same 'it is in nothing that was printed or reported' '' "$(grep -rlF "$word" "$said" || true)"
same 'nor in the records, logs and lists of the project' '' "$(grep -rlF "$word" $results || true)"
same 'the only files that have it are the settings of servers, for nobody else to read' '600 /redis.conf' \
	"$(sed -n 's/^w[12] | \([0-7]* \/.*\)/\1/p' "$said/private" "$said/rename" | sort -u)"
finish
