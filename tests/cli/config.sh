#!/bin/sh
# berth.yaml: where it is found, which layer wins, and the messages about mistakes. --dry-run
# shows the plan.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

settings() { berth check --json; printf '%s' "$out" | jq -c '.settings | map_values(.value)'; }

cat >berth.yaml <<'Y'
workers: many
port: [3101, 99999, x]
portz: 3
databases:
  - mes_e2e_db
  - {kind: redis, prt: 6379}
strict: maybe
profiles:
  ci:
    workers: 0
    timeout: 5 minutes
Y
complains 'every mistake at once, with file, line and key' \
"berth: berth.yaml:1: workers: expected a number from 1 to 256, got 'many'
berth: berth.yaml:2: port[1]: expected ports from 1 to 65535 such as 3101 or 3000-3010, got '99999'
berth: berth.yaml:2: port[2]: expected ports from 1 to 65535 such as 3101 or 3000-3010, got 'x'
berth: berth.yaml:3: portz: unknown key: did you mean 'port'?
berth: berth.yaml:6: databases[1].prt: unknown key: did you mean 'port'?
berth: berth.yaml:7: strict: expected true or false, got 'maybe'
berth: berth.yaml:10: profiles.ci.workers: expected a number from 1 to 256, got '0'
berth: berth.yaml:11: profiles.ci.timeout: expected a time such as 90, 500ms, 5m or 2h, got '5 minutes'
hint: berth help berth.yaml" run true
printf 'workers: 3\n\tport: 3\n' >berth.yaml
complains 'bad syntax' \
'berth: berth.yaml:2: not valid YAML: found a tab character that violates indentation, while scanning a plain scalar that begins in line 1
hint: berth help berth.yaml' run true
printf 'workers: 3\nsetup: "\377"\n' >berth.yaml
berth run true
has 'bytes that are no text' 'not valid YAML: invalid leading UTF-8 octet' "$err"

rm berth.yaml
mkfifo berth.yaml
berth check
same 'a FIFO without a writer is an error, after some seconds' '125 berth: berth.yaml: Connection timed out' "$status $err"
rm berth.yaml
"$BERTH" check /dev/stdin <<Y >"$work/out"
workers: 7
Y
has 'a pipe or a here-document is read' 'workers  7' "$(cat "$work/out")"
printf 'port: %0100000d\n' 0 | tr 0 '[' >berth.yaml
complains 'deep nesting is refused at once' 'berth: berth.yaml:1: nested deeper than 100 levels
hint: berth help berth.yaml' run true
rm berth.yaml

printf '%s\n' 'command: [sh, -c, "echo $BERTH_WORKERS $PWD"]' \
	'profiles: {ci: {workers: 2, output: group}, big: {workers: 3}}' >berth.yaml
berth run
same 'the command of berth.yaml runs' "1 $PWD" "$out"
mkdir -p sub/deeper
cd sub/deeper || exit 1
berth run
has 'berth.yaml is found upwards' '1 ' "$out"
printf 'workers: many\n' >../berth.yaml
berth run true
has 'the nearest one is taken, and named as the user may type it' 'sub/berth.yaml:1: workers' "$err"
rm ../berth.yaml
cd ../..
printf 'workers: 2\n' >"$work/home/berth.yaml"
mv berth.yaml ../saved
same 'the home directory may have one' '{"workers":2}' "$(settings)"
mv "$work/home/berth.yaml" "$work/berth.yaml"
complains 'a berth.yaml above the home directory is not found' 'berth: no berth.yaml from here upwards
hint: berth init writes one' check
mv ../saved berth.yaml

CI=1; export CI
berth run
has 'CI takes the profile ci' '2 ' "$out"
berth run --profile big
has '--profile wins over CI' '3 ' "$out"
berth run -n 1
same 'a flag wins over the profile' "1 $PWD" "$(printf '%s' "$out" | sed 's/^w1 | //')"
unset CI
BERTH_PROFILE=big; export BERTH_PROFILE
berth run
has 'BERTH_PROFILE chooses too' '3 ' "$out"
unset BERTH_PROFILE
complains 'a profile that is not there' "berth: berth.yaml has no profile 'cii'
hint: its profiles are 'ci', 'big'" run --profile cii
complains 'a file that is not there' 'berth: nowhere.yaml: No such file or directory' \
	run --config nowhere.yaml true
mv berth.yaml other.yaml
berth run --config other.yaml
has '--config names the file' '1 ' "$out"
complains 'a profile without a file' "berth: no berth.yaml for profile 'ci': looked from here upwards
hint: berth init writes one; --config FILE names another" run --profile ci true
rm -f berth.yaml; touch berth.yml
complains 'the wrong ending' "berth: '$PWD/berth.yml' is not read
hint: rename it to berth.yaml" run true
complains 'the wrong ending, of check' "berth: '$PWD/berth.yml' is not read
hint: rename it to berth.yaml" check
rm berth.yml
printf 'workers: 4\nprofiles: {night: {each: [a, b, c]}}\n' >berth.yaml
berth run --each a,b --dry-run -- true
same 'tasks of a flag replace the number of workers' 'workers: 2, 2 at once' \
	"$(printf '%s' "$out" | head -n 1)"
berth run --profile night --dry-run -- true
has 'tasks of a profile that of the top level' 'workers: 3, ' "$out"
berth check
has 'as check shows' 'workers  4      -' "$out"
complains 'but not in one place' 'berth: 3 workers for 2 tasks
hint: --each starts one worker per task; -j limits how many run at once' run -n 3 --each a,b true
rm berth.yaml
printf 'databases: [postgresql://me:secret@localhost:5/shop]\ndb-mode: private\nsetup: sh setup.sh\nport: 3101\npids: 500\n' >berth.yaml
rm -rf $results
berth run -n 2 --dry-run -- true
same 'the plan shows what would be chosen here' 'database: postgres postgresql://me:***@localhost:5/shop, port 5, mode private (as asked)
setup: sh setup.sh
declared ports: 3101' "$(printf '%s\n' "$out" | grep '^database\|^setup\|^declared')"
lacks 'no choice is left open' auto "$(printf '%s\n' "$out" | grep '^backend\|^tree')"
has 'limits are there' 'processes 500' "$out"
same 'and nothing is left of the trial' '' "$(ls -A | grep '^\.berth')$(ls -d $results 2>/dev/null)"
rm berth.yaml
printf 'json: out/report.json\nresults: /abs\n' >berth.yaml
mkdir -p sub && cd sub || exit 1
same 'files are beside berth.yaml, wherever one is' \
	"{\"results\":\"/abs\",\"json\":\"$work/home/project/out/report.json\"}" "$(settings)"
cd .. && rm berth.yaml
berth run --dry-run -- psql 'postgresql://u:secret@localhost/d' \
	'postgresql://localhost/d?password=secret'
same 'the plan shows no password' \
	"w1 (default): psql postgresql://u:***@localhost/d postgresql://localhost/d?password=***" \
	"$(printf '%s' "$out" | tail -n 1)"
finish
