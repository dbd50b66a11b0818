#!/bin/sh
# berth doctor: working parts are ok, broken parts are found with cause and remedy; exit status, JSON.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"
chmod 755 "$work" "$work/home" "$work/home/project"

# of CHECK: its severities, worst first, from the JSON in $out
severity() { printf '%s' "$out" | jq -r --arg check "$1" '[.findings[] | select(.check == $check) | .severity] | unique | join(" ")'; }
field() { printf '%s' "$out" | jq -r --arg check "$1" --arg key "$2" '[.findings[] | select(.check == $check and .severity != "ok") | .[$key]][0]'; }
sets() { printf '%s' "$out" | jq -r '[.findings[].check] | unique | join(" ")'; }
verdict() { printf '%s' "$out" | jq -r '"\(.verdict) \(.counts.error == ([.findings[] | select(.severity == "error")] | length))"'; }

complains 'an unknown set' "berth: expected quick, full, database, performance or network, got 'slow'
hint: berth help doctor" doctor slow

berth doctor --json
same 'JSON is valid, nothing on stderr' '0 ' "$(printf '%s' "$out" | jq empty >/dev/null; echo $?) $err"
same 'without an argument, quick' quick "$(printf '%s' "$out" | jq -r .set)"
same 'quick takes less than a second' true "$(printf '%s' "$out" | jq '.ms < 1000')"
same 'every finding that is not ok says what to do' 0 \
	"$(printf '%s' "$out" | jq '[.findings[] | select(.severity != "ok" and .remedy == null and .check != "config")] | length')"
same 'the shim is loaded' ok "$(severity shim)"
same 'preload works' 1 "$(printf '%s' "$out" | jq '[.findings[] | select(.found == "backend preload works" and .severity == "ok")] | length')"
has 'quick looks at the machine' 'backends cgroup config' "$(sets)"
lacks 'and does not start servers' 'private' "$(sets)"
quick=$(sets)
berth doctor
has 'the same for eyes' 'backend preload works' "$out"
has 'with a summary' ' ok' "$(printf '%s\n' "$out" | tail -n 1)"
same 'they are all of the checks' 1 "$(printf '%s\n' "$out" | grep -c '^[a-z]*  *shim ')"
for set in database performance network; do
	berth doctor $set --json
	same "$set is valid JSON" $set "$(printf '%s' "$out" | jq -r .set)"
	all="${all-} $(sets)"
done
has 'database looks at servers' 'private' "$all"
has 'performance looks at the processors' 'cores' "$all"
has 'network counts TIME_WAIT' 'time_wait' "$all"
berth doctor full --json
same 'full has every set' "$(printf '%s\n' $quick $all | sort -u | tr '\n' ' ')" "$(sets | tr ' ' '\n' | sort -u | tr '\n' ' ')"

# --- broken on purpose ---
printf 'workers: 300\n' >berth.yaml
berth doctor --json
same 'a mistake in berth.yaml is an error: exit status 2' '2 error error true' "$status $(severity config) $(verdict)"
has 'and says where' 'berth.yaml:1: workers: expected' "$(field config found)"
same 'the rest is looked at nevertheless' ok "$(severity shim)"

printf 'range: 20000-20063\nworkers: 2\n' >berth.yaml
berth doctor network --json
same 'a range that is free' ok "$(severity ports)"
mkfifo "$work/stop" "$work/up"
python3 -c "
import socket, sys
a = socket.socket(); a.bind(('127.0.0.1', 20001)); a.listen()
b = socket.socket(); b.bind(('127.0.0.1', 3187)); b.listen()
open('$work/up', 'w').write('up'); open('$work/stop').read()" &
holder=$!
cat "$work/up" >/dev/null
printf 'range: 20000-20063\nworkers: 2\nport: 3187\nshare: 3188\n' >berth.yaml
berth doctor network --json
same 'a range with too few blocks is a warning: exit status 1' '1 warning' "$status $(severity ports)"
has 'and says how many are left' '1 of 2 blocks are free' "$(field ports found)"
has "a listener on a declared port is named" "(pid $holder) listens on it" "$(field listeners found)"
same 'with what says more' 'berth who 3187' "$(field listeners remedy)"
has 'a shared port without a server is reported' 'port 3188 is shared, and no process listens' "$out"
: >"$work/stop"
wait $holder

cat >playwright.config.ts <<'P'
export default { webServer: { command: 'npm start', url: 'http://localhost:3199', reuseExistingServer: !process.env.CI } };
P
printf 'port: 3187\n' >berth.yaml
berth doctor --json
has "Playwright's reuseExistingServer is found" 'reuseExistingServer looks for a server at port 3199' "$(field config found)"
same 'as a warning' '1 warning' "$status $(severity config)"
rm playwright.config.ts berth.yaml

mkdir "$work/run/berth" 2>/dev/null
chmod 777 "$work/run/berth"
berth doctor --json
same 'a directory of run-time files that others may write' '2 error' "$status $(severity runtime)"
has 'and how to repair it' "chmod 700 $work/run/berth" "$(field runtime remedy)"
chmod 700 "$work/run/berth"

READY="$work/ready" "$BERTH" run --tree shared -- sh -c ': >$READY; exec timeout 60 tail -f /dev/null' >/dev/null 2>&1 &
run=$!
tries=0
while [ ! -e "$work/ready" ] && [ $tries -lt 100 ]; do tries=$((tries + 1)); timeout 0.1 tail -f /dev/null; done
berth doctor --json
same 'a live run is no debris' ok "$(severity debris)"
guard=$(pgrep -P $run -f 'berth' | tr '\n' ' ')
kill -KILL $run $guard 2>/dev/null
wait $run 2>/dev/null
tries=0
while berth doctor --json; [ "$(severity debris)" = ok ] && [ -n "$(ls "$work/run/berth")" ] && [ $tries -lt 50 ]; do
	tries=$((tries + 1)); timeout 0.1 tail -f /dev/null
done
if [ -n "$(ls "$work/run/berth")" ]; then
	same 'what a killed run left is a warning' 'warning berth reap' "$(severity debris) $(field debris remedy)"
else
	skip 'what a killed run left is a warning' 'the cleanup guard was faster than the kill'
fi
berth reap

# --- a machine that lacks something: in namespaces of our own ---
if unshare -Urn true 2>/dev/null; then
	status=0
	out=$(unshare -Urn "$BERTH" doctor network --json) || status=$?
	same 'loopback that is down is an error' '2 error note' "$status $(severity loopback)"
	same 'with the command that repairs it' 'ip link set lo up' "$(field loopback remedy)"
	out=$(unshare -Urm sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$0" doctor --json' "$BERTH")
	has 'user namespaces that are forbidden' 'user namespaces cannot be made' "$(field namespaces found)"
	same 'by which setting' 'sysctl user.max_user_namespaces=15000' "$(field namespaces remedy)"
	out=$(unshare -Urm sh -c 'mount -t tmpfs -o size=16M none /dev/shm; exec "$0" doctor --json' "$BERTH")
	same 'a /dev/shm as small as in a container' 'warning /dev/shm has 16 MiB: browsers crash when it is full' \
		"$(severity shm) $(field shm found)"
	out=$(unshare -Urm sh -c "mount -t tmpfs -o size=8M none '$HOME' && cd '$HOME' && exec \"\$0\" doctor --json" "$BERTH")
	has 'a disk that is nearly full' 'error the results directory has ' "$(field disk severity) $(field disk found)"
else
	skip 'a machine that lacks something' 'no user namespaces here'
fi
out=$(ulimit -Sn 600; ulimit -Hn 600; "$BERTH" doctor --json)
same 'few open files are a note' 'note 600 files may be open, enough for 29 workers' "$(severity files) $(field files found)"

# --- databases ---
if [ -e /usr/lib/postgresql ]; then
	berth doctor database --json
	same 'a private server can be made' ok "$(severity private)"
else
	skip 'a private server can be made' 'no PostgreSQL here'
fi
printf 'db: postgresql://u:secret@localhost:1/x\n' >berth.yaml
berth doctor database --json
has 'no server: private ones' 'no server answers at u@localhost:1' "$out"
lacks 'no password is shown' secret "$out"
printf 'db: postgresql://u:secret@localhost:1/x\ndb-mode: rename\n' >berth.yaml
berth doctor database --json
same 'which rename cannot do without' '2 error' "$status $(severity server)"
printf 'db: postgresql://u:secret@db.example.org/x\n' >berth.yaml
berth doctor database --json
has 'a server elsewhere' 'not this machine' "$(field server found)"
rm berth.yaml

# --- without privilege ---
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir -m 755 "$work/else" && mkdir -m 700 "$work/else/run" && chown -R nobody "$work/else" && chmod 711 "$work"
	cd "$work/else" || exit 1
	status=0
	out=$(setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups env HOME="$work/else" XDG_RUNTIME_DIR="$work/else/run" \
		"$BERTH" doctor --json) || status=$?
	same 'without privilege preload works all the same' 'backend preload works' \
		"$(printf '%s' "$out" | jq -r '[.findings[] | select(.check == "backends")][0].found')"
	has 'bpf does not, which is a note' note "$(severity backends)"
	has 'with its cause' '.' "$(field backends cause)."
	has 'and what to do' sudo "$(field backends remedy)"
	lacks 'but not setcap, which lacks a cgroup and hides children from the supervisor' setcap "$(field backends remedy)"
else
	skip 'without privilege preload works all the same' 'not root'
fi
# shellcheck disable=SC2016
bash -c 'trap "" CHLD; exec "$0" doctor --json' "$BERTH" >"$work/out" 2>&1
same 'who ignores SIGCHLD learns the same' '0' "$(jq '[.findings[] | select((.cause // "") | test("No child"))] | length' "$work/out")"
finish
