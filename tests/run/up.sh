#!/bin/sh
# SPDX-License-Identifier: MIT
# `berth up` and `berth down`: a named environment in the background, ready or ended with its log
# shown; its name in other verbs; the same real ports again; after SIGKILL of everything.
. "$(dirname "$0")/lib.sh"

python=$(python3 -c 'import sys; print(sys.executable)')
export python
cat >serve.py <<'PY'
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/" else 404); self.end_headers()
        self.wfile.write(os.environ["BERTH_TASK"].encode())
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("serving", flush=True)
server.serve_forever()
PY
cat >get.py <<'PY'
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())
PY
trap '"$BERTH" down one >/dev/null 2>&1; "$BERTH" down two >/dev/null 2>&1; cd /; rm -rf "$top"' EXIT
pid_of() { "$BERTH" ps --json | jq -r --arg name "$1" '.[] | select(.name == $name and .alive) | .pid'; }
url_of() { "$BERTH" ps --json | jq -r --arg name "$1" '.[] | select(.name == $name) | .workers[0].ports[] | select(.virtual == 3101) | .url'; }

# up, and what other verbs do with the name
out=$("$BERTH" up one --ready http://localhost:3101/ -- $python serve.py 3101 2>err 5>&1)
is "0 " "$? $(cat err)" "up returns when a URL answers, and holds no descriptor of its caller"
url=$(url_of one)
is "w1: port 3101 is $url outside" "$out" "it prints how programs outside reach the port"
is one "$($python get.py "$url")" "and that is so; its task is its name"
"$BERTH" up two --ready 3101 -- $python serve.py 3101 >/dev/null 2>err
is "0 " "$? $(cat err)" "a second one, ready when a port is open"
is two "$("$BERTH" exec -w two -- $python get.py http://localhost:3101/)" "exec -w NAME"
is one "$("$BERTH" exec --run one -- $python get.py http://localhost:3101/)" "exec --run NAME"
is serving "$("$BERTH" logs two)" "logs NAME"
has "$("$BERTH" env one)" "^export BERTH_TASK=one$" "env NAME"
has "$("$BERTH" ps)" '^[0-9a-f]+ +two +[0-9]+s ' "ps shows it"
"$BERTH" up one -- true 2>err
is "125 berth: environment 'one' is up already" "$? $(head -1 err)" "a name that is taken is refused"
has "$(cat err)" '^hint: berth down one' "with what to do"

# down, and the same ports again
"$BERTH" down one >out 2>err
is "0 one: ended" "$? $(cat out err)" "down ends it"
is "[false,\"failed\"]" "$("$BERTH" ps --json | jq -c '.[] | select(.name == "one") | [.alive, .workers[0].status]')" "ps shows that it is down"
is serving "$("$BERTH" logs one)" "its log stays"
"$BERTH" down one >out 2>err; is "0 " "$? $(cat out err)" "down again does nothing"
"$BERTH" down none >out 2>err; is "1 berth: this project has no environment 'none'" "$? $(cat out err | head -1)" "a name that is not known"
"$BERTH" up one --ready 3101 -- $python serve.py 3101 >/dev/null 2>&1
is "$url" "$(url_of one)" "the same real port again"

# SIGKILL of everything
tree_of() { echo "$1"; for child in $(ps -o pid= --ppid "$1"); do tree_of "$child"; done; }
all=$(tree_of "$(pid_of one)")
# shellcheck disable=SC2086
kill -STOP $all; kill -KILL $all
wait_for 10 gone "$(echo "$all" | head -1)"
is "[false,\"running\"]" "$("$BERTH" ps --json | jq -c '.[] | select(.name == "one") | [.alive, .workers[0].status]')" "after SIGKILL the state is the last one"
has "$("$BERTH" ps)" '^ +w1 +one +killed ' "and ps says killed"
"$BERTH" up one --ready 3101 -- $python serve.py 3101 >/dev/null 2>err
is "0 " "$? $(cat err)" "up begins again"
kill -KILL "$(pid_of one)"
"$BERTH" up one --ready 3101 -- $python serve.py 3101 >/dev/null 2>err
is "0 " "$? $(cat err)" "also while the cleanup guard is at work"
"$BERTH" down one --purge >/dev/null; "$BERTH" down two --purge >/dev/null
is 0 "$("$BERTH" ps --json | jq length)" "--purge leaves nothing"

# not ready
"$BERTH" up one --ready 3101 --ready-timeout 300ms -- sh -c 'echo words; sleep 60' >out 2>err
is "124 berth: environment 'one' was not ready after 0.3 s and is ended" "$? $(head -1 err)" "a deadline"
has "$(cat err)" '^words$' "the end of the log is shown"
is "" "$(pid_of one)" "and it is not up"
"$BERTH" up one --ready 3101 -- sh -c 'echo "no port"; exit 7' >out 2>err
is "7 berth: environment 'one' ended with exit status 7" "$? $(head -1 err)" "a command that ends"
has "$(cat err)" '^no port$' "with the end of its log"
"$BERTH" up one --ready http://localhost:3101/missing --ready-timeout 1s -- $python serve.py 3101 >out 2>err
is 124 $? "an answer of 404 is not ready"
"$BERTH" up one --range 40000-40001 >out 2>err
is 125 $? "a mistake in an option: 125"
has "$(cat err)" 'the port range 40000-40001 ' "and its message"
"$BERTH" up 2 2>err; is 125 $? "a number is no name"

# settings of berth.yaml; no command
cat >berth.yaml <<'Y'
workers: 3
command: "false"
timeout: 1s
up: {port: 3101, ready: test -e ready}
Y
touch ready
"$BERTH" up one >out 2>err; is "0 " "$? $(cat err)" "without a command, for exec only"
is "[1,\"one\",[3101]]" "$("$BERTH" ps --json | jq -c '.[0] | [(.workers | length), .name, [.workers[0].ports[].virtual]]')" "\`up\` in berth.yaml; one worker"
"$BERTH" exec --detach -w one -- $python serve.py 3101 >/dev/null
wait_for 10 "$BERTH" exec -w one -- $python get.py http://localhost:3101/ >/dev/null 2>&1
report $? "exec starts a server in it"
"$BERTH" down one >/dev/null
printf 'up: {command: [%s, serve.py, "3101"], ready: 3101}\n' "$python" >berth.yaml
"$BERTH" up one >/dev/null 2>err; is "0 one" "$? $(cat err)$("$BERTH" exec -- $python get.py http://localhost:3101/)" "its command and ready"
printf 'up: {up: {}}\n' >bad.yaml
"$BERTH" check bad.yaml >out 2>&1; has "$(cat out)" "bad.yaml:1: up.up: unknown key" "no section within the section"
"$BERTH" down one --purge >/dev/null; rm berth.yaml

# the databases of an environment last
if ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
	url=postgresql://app:app@localhost:5432/shop
	ask() { "$BERTH" exec -w one -- psql -qAtc "$1" "$url" 2>&1; }
	up() { "$BERTH" up one --db "$url" --db-mode private "$@" >/dev/null 2>err; }
	up; is "0 " "$? $(cat err)" "with a private database"
	ask "CREATE TABLE t AS SELECT 42 AS n"
	"$BERTH" down one >/dev/null && up && is 42 "$(ask "SELECT n FROM t")" "its data are there after down and up"
	all=$(tree_of "$(pid_of one)")
	# shellcheck disable=SC2086
	kill -STOP $all; kill -KILL $all
	up; is "0 42" "$? $(ask "SELECT n FROM t")" "and after SIGKILL of everything"
	"$BERTH" exec -w one -- "$BERTH" db reset >/dev/null
	has "$(ask "SELECT n FROM t")" 'relation "t" does not exist' "db reset begins again"
	ask "CREATE TABLE t AS SELECT 43 AS n"
	"$BERTH" down one >/dev/null
	up --db postgresql://app:app@localhost:5433/other; is 125 $? "other databases than it has kept: 125"
	has "$(cat err)" '^hint: berth down --purge' "and what to do"
	"$BERTH" down one --purge >/dev/null; up
	has "$(ask "SELECT n FROM t")" 'relation "t" does not exist' "after --purge there are no data"
	"$BERTH" down one --purge >/dev/null
else
	skip "databases last" "no PostgreSQL"
fi

# names: the branch, also of a linked work tree, else the directory
if command -v git >/dev/null; then
	export HOME="$top"
	git init -q -b feature/x repository && cd repository || exit 1
	git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first && git worktree add -q -b side ../side
	"$BERTH" up >/dev/null 2>&1; (cd ../side && "$BERTH" up >/dev/null 2>&1)
	is "feature-x side" "$("$BERTH" ps --json | jq -r '[.[].name] | sort | join(" ")')" "the branch is the name"
	"$BERTH" down >/dev/null; is 0 $? "of down, too"
	rm -rf ../side
	"$BERTH" down side >out 2>&1; is "0 side: ended" "$? $(cat out)" "down of a project that is gone"
	cd ..
fi
mkdir "other place" && cd "other place" || exit 1
"$BERTH" up >/dev/null 2>&1
is other-place "$("$BERTH" ps --json | jq -r '.[] | select(.alive) | .name')" "else that of the directory"
"$BERTH" down >/dev/null
rmdir "$PWD"
"$BERTH" up 2>"$top/err"
is "125 berth: unable to find the working directory: No such file or directory" "$? $(head -1 "$top/err")" "a directory that is gone"
cd "$top" || exit 1
none_left; report $? "no process is left"
finish
