#!/bin/sh
# berth check: settings per profile, and warnings about what is likely wrong.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

warnings() { berth check --json; printf '%s' "$out" | jq -r '.warnings[]'; }

cat >berth.yaml <<'Y'
workers: 4
port: [3101, 5278]
db: postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db
databases: [{kind: redis, port: 6379}]
profiles:
  ci:
    workers: 2
    leaks: fail
Y
berth check
same 'settings, a column for each profile' "0 berth.yaml is valid; the project is $PWD

 SETTING VALUE ci
 workers 4 2
 port 3101,5278 3101,5278
 db postgresql://mes_user:***@localhost:5432/mes_e2e_db =
 leaks - fail
 databases 1 entry 1 entry

role 'mes_user' of private servers: owner (no file of the project shows more)" \
	"$status $(printf '%s' "$out" | tr -s ' ' | sed 's/ \(postgresql.*\) \1$/ \1 =/')"
same 'nothing to warn about' '' "$err"
CI=1 berth check
has 'the profile in force is named' 'the profile in force is ci' "$out"
berth check --json
lacks 'no password in JSON' mes_password "$out"
same 'JSON has values and lines' '[4,1,2,7,"fail"]' "$(printf '%s' "$out" |
	jq -c '[(.settings, .profiles.ci | .workers | .value, .line), .profiles.ci.leaks.value]')"
printf 'workers: many\n' >bad.yaml
berth check --json bad.yaml
same 'JSON has the mistakes' '125 false 1' \
	"$status $(printf '%s' "$out" | jq -r '"\(.valid) \(.errors | length)"')"
berth check bad.yaml
same 'a named file' \
	"125 berth: bad.yaml:1: workers: expected a number from 1 to 256, got 'many'" "$status $err"

# --- the role of private servers ---
role() { berth check --json; printf '%s' "$out" | jq -r '.roles[]' | sed 's/^role .* servers: //'; }
seen() { # seen FILE TEXT WANT: what the file shows about role mes_user
	mkdir -p "$(dirname "$1")"
	printf '%b' "$2" >"$1"
	same "POSTGRES_USER in $1" "$3" "$(role)"
	rm "$1"
}
owner='owner (no file of the project shows more)'
echo 'db: postgresql://mes_user:p@localhost/mes_e2e_db' >berth.yaml
seen compose.yaml 'services: {db: {environment: {POSTGRES_DB: a, POSTGRES_USER: mes_user, X: y}}}' 'superuser (POSTGRES_USER in compose.yaml)'
seen docker-compose.test.yml 'services:\n  db:\n    environment:\n      - POSTGRES_USER=mes_user\n' 'superuser (POSTGRES_USER in docker-compose.test.yml)'
seen .github/workflows/ci.yml '    env:\n      "POSTGRES_USER": "mes_user" # the superuser\n' 'superuser (POSTGRES_USER in .github/workflows/ci.yml)'
seen compose.yml 'x:\n  POSTGRES_USER: ${DB_USER:-mes_user}\n' 'superuser (POSTGRES_USER in compose.yml)'
seen .env 'POSTGRES_USER=mes_user\n' 'superuser (POSTGRES_USER in .env)'
seen compose.yml 'x:\n  POSTGRES_USER: admin\n  # POSTGRES_USER: mes_user\n  TEST_POSTGRES_USER: mes_user\n' "$owner"
seen compose.yml 'x:\n  command: psql -U $POSTGRES_USER\n  POSTGRES_USER: mes_user_2\n' "$owner"
echo 'role: superuser' >>berth.yaml
same 'role in berth.yaml decides' 'superuser (as `role` says)' "$(role)"
printf 'db: postgresql://mes_user:p@localhost:1/mes_e2e_db\nrole: owner\ndb-mode: private\n' >berth.yaml
berth run --dry-run -- true
has 'as the plan shows' 'role: mes_user, owner (as `role` says)' "$out"
echo 'db: postgresql://postgres:p@localhost/mes_e2e_db' >berth.yaml
same 'postgres is one' 'superuser (it has made the server)' "$(role)"

echo 'port: [20001, 3101]' >berth.yaml
same 'a port among the real ports' \
	'port 20001 lies in the range of real ports, 20000-29999: choose another --range' \
	"$(warnings)"
range=/proc/sys/net/ipv4/ip_local_port_range
low=$(cut -f1 $range) high=$(cut -f2 $range)
echo "port: $high" >berth.yaml
same 'an ephemeral port' \
	"port $high is one that the kernel hands out by itself ($low-$high): a client of the suite can get it first" \
	"$(warnings)"
echo "range: $low-$high" >berth.yaml
has 'a range among the ephemeral ports' "range: real ports $low-$high are ones" "$(warnings)"
printf 'port: 3000-3010\nshare: 3005\n' >berth.yaml
berth check
same 'what berth run refuses is a mistake: shared and declared' \
	'125 berth: berth.yaml: port 3005 is declared and shared at once' \
	"$status $err"
printf 'profiles:\n  ci: {port: 3000-3999}\n' >berth.yaml
berth check --json
same 'in a profile as well: more ports than the block' \
	'125 false ["berth.yaml: 1000 declared ports do not fit into a block of 512"]' \
	"$status $(printf '%s' "$out" | jq -rc '"\(.valid) \(.errors)"')"
for database in 'postgresql://me@localhost:5434/shop' '{kind: redis, port: 5434}'; do
	printf 'share: [3000, 5434]\ndatabases: ["%s"]\n' "$database" | sed 's/"{/{/; s/}"/}/' >berth.yaml
	berth check
	same 'a port that is shared and a database at once' \
		"125 berth: berth.yaml: port 5434 is a database's and shared at once" "$status $err"
done
printf 'share: 5432\ndatabases: [shop]\n' >berth.yaml
berth check
same 'also the usual port of a name' "125 berth: berth.yaml: port 5432 is a database's and shared at once" "$status $err"
printf 'databases:\n  - {name: a, mode: rename}\n  - {url: "postgresql://b@localhost:1/b", mode: private}\n' >berth.yaml
berth check
same 'two modes of PostgreSQL' "125 berth: berth.yaml: databases[1]: mode private, and another one has mode rename: one mode holds for all of PostgreSQL" "$status $err"
printf 'share: 5432\ndatabases: [shop]\ndb-mode: off\n' >berth.yaml
berth check
same 'but not without databases of their own' 0 "$status"
printf 'each: [a, a]\n' >berth.yaml
berth check
same 'a task twice' "125 berth: berth.yaml: task 'a' is named twice, or has no name" "$status $err"
printf 'workers: 100\nblock: 100\nrange: 11000-12000\n' >berth.yaml
same 'more blocks than the range' \
	'100 workers with blocks of 100 need 10000 real ports, but the range 11000-12000 has 1001' \
	"$(warnings)"
printf 'each: [a, b]\ncommand: [npm, test]\n' >berth.yaml
same 'tasks that do the same' \
	'command does not mention {task}: every task of each does the same, unless it reads BERTH_TASK' \
	"$(warnings)"
printf 'db: mysql:/localhost/shop\n' >berth.yaml
berth check
same 'a URL with a slip in it is the name of no database' 125 "$status"
has 'and the message shows it' "got 'mysql:/localhost/shop'" "$err"
printf 'tree: shared\ncollect: out\n' >berth.yaml
has 'collect of a shared tree' 'collect has no effect' "$(warnings)"

cat >playwright.config.ts <<'P'
export default defineConfig({
  webServer: {
    command: 'npm run dev',
    url: 'http://localhost:5278',
    reuseExistingServer: !process.env.CI,
  },
});
P
echo 'workers: 2' >berth.yaml
same 'Playwright looks for a server first' \
	"playwright.config.ts:5: reuseExistingServer looks for a server at port 5278 before the suite starts one, and could find another checkout's: declare port: 5278" \
	"$(warnings)"
echo 'port: 5278' >berth.yaml
same 'which is right if the port is declared' '' "$(warnings)"
echo 'port: 20001' >berth.yaml
berth check
same 'a warning is a line on stderr, and no mistake' \
	'0 berth: warning: port 20001 lies in the range of real ports, 20000-29999: choose another --range' \
	"$status $(printf '%s\n' "$err" | head -n 1)"
finish
