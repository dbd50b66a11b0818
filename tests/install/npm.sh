#!/bin/sh
# SPDX-License-Identifier: MIT
# `make npm`: a plain user without network and compiler installs the packages and runs two workers;
# the command behaves as the program itself; runners find the reporters by name.
. "$(dirname "$0")/lib.sh"

if ! makes_archives || ! command -v npm >/dev/null; then
	echo '1..0 # SKIP packages are made of the plain build on Debian 12 only, and npm is needed'
	exit 77
fi
make -s -C "$top" npm >"$work/log" 2>&1
report $? 'make npm' "$work/log"
project="$work/project"
mkdir -m 777 "$project" "$work/user"
as_user=
[ "$(id -u)" != 0 ] || as_user='setpriv --reuid nobody --regid nogroup --clear-groups'
as_user="$as_user env HOME=$work/user XDG_STATE_HOME=$work/user npm_config_update_notifier=false"
cd "$project" || exit 1
cp "$top"/.out/npm/*.tgz .
$as_user sh -c 'echo "{}" >package.json; npm i -D --offline ./*.tgz' >"$work/log" 2>&1
report $? 'npm i -D ./*.tgz, offline' "$work/log"
grep -l '"scripts"' node_modules/@berth/*/package.json >"$work/log"
[ ! -s "$work/log" ]
report $? 'no package has scripts' "$work/log"
command=$project/node_modules/.bin/berth
for user in $(users); do
	try_berth "$command" "$user" auto
	report $? "two workers have one port, $user" "$work/try/log"
done
$as_user npx berth run -- sh -c 'exit 3' >"$work/log" 2>&1
[ $? = 3 ] && $as_user "$command" run --output quiet -- sh -c 'exit 4' >"$work/log" 2>&1
[ $? = 4 ]
report $? 'the exit status is that of the command' "$work/log"
# signals PROGRAM: those that the suite ignores or blocks
signals() { $as_user "$1" run --output quiet -- sh -c "grep 'Sig[IB]' /proc/self/status >$work/user/signals" && cat "$work/user/signals"; }
bare=$(echo "$project"/node_modules/@berth/linux-*/bin/berth)
{ signals "$command"; signals "$bare"; } >"$work/log" 2>&1
[ "$(grep -c . "$work/log")" = 4 ] && [ "$(sort -u "$work/log" | grep -c .)" = 2 ]
report $? 'the suite inherits the same signals, ignored and blocked' "$work/log"

cat >"$work/signals" <<'PY'
import os, pty, signal, subprocess, sys

def start(command, terminal=False):
    """A run whose command says when it has started; reads until then."""
    suite = [command, "run", "--output", "prefix", "--", "sh", "-c", "echo started; exec sleep 60"]
    if not terminal:
        process = subprocess.Popen(suite, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert any(b"started" in line for line in process.stdout), "the run has ended"
        return process, None
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(suite[0], suite)
    seen = b""
    while b"started" not in seen:
        seen += os.read(fd, 1000)
    return pid, fd

def by_signal(command, number):
    process, _ = start(command)
    process.send_signal(number)
    process.stdout.read()
    return process.wait()

def by_terminal(command):
    pid, fd = start(command, True)
    os.write(fd, b"\x03")
    seen = b""
    try:
        while data := os.read(fd, 1000):
            seen += data
    except OSError:
        pass
    return os.waitpid(pid, 0)[1], b"second" in seen

bare, packaged = sys.argv[1:]
for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
    want, got = by_signal(bare, number), by_signal(packaged, number)
    print(number.name, want, got)
    assert want == got
want, got = by_terminal(bare), by_terminal(packaged)
print("^C", want, got)
assert want == got
PY
$as_user /usr/bin/python3 "$work/signals" "$bare" "$command" >"$work/log" 2>&1
report $? 'signals and ^C end it as they end the program' "$work/log"
for runner in playwright jest vitest; do
	node --input-type=module -e "const { default: reporter } = await import('@berth/berth/reporters/$runner');
		if (typeof reporter !== 'function') throw reporter" >"$work/log" 2>&1 &&
		node -e "require.resolve('@berth/berth/reporters/$runner')" >"$work/log" 2>&1
	report $? "the reporter for $runner is found by its name" "$work/log"
done
echo "Object.defineProperty(process, 'platform', { value: 'darwin' })" >"$work/darwin.cjs"
node -r "$work/darwin.cjs" "$command" version >"$work/log" 2>&1
[ "$? $(cat "$work/log")" = "125 berth: unable to run on 'darwin': Berth needs Linux" ]
report $? 'on another system: one sentence and exit status 125' "$work/log"
rm -rf node_modules/@berth/linux-*
"$command" version >"$work/log" 2>&1
[ $? = 125 ] && grep -q '^berth: unable to find the package' "$work/log" && grep -q '^hint: ' "$work/log"
report $? 'without the package of the platform: exit status 125 and a hint' "$work/log"
finish
