#!/bin/sh
# What the shim cannot enter is named in the summary of the run, and `berth explain` says why:
# set-user-id, capabilities.
set -eu
berth=${BERTH:-$(dirname "$0")/../../.out/bin/berth}
berth=$(realpath "$berth")
program=$(realpath "${BERTH_OUT:-$(dirname "$0")/../../.out}/tests/shim/tcp4")
work=$(mktemp -d /var/tmp/berth-escape-XXXXXX); trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/../tap.sh"
cd "$work"
mkdir home
export HOME="$work/home"
unset XDG_STATE_HOME

if [ "$(id -u)" != 0 ]; then echo '1..0 # SKIP only root can make such programs'; exit 0; fi
cp "$program" suid; chown nobody suid; chmod 4755 suid
cp "$program" sgid; chgrp nogroup sgid; chmod 2755 sgid
cp "$program" caps; setcap cap_net_raw+ep caps
chown nobody .
expect() { # SENTENCE PATTERN FILE
	good=0; grep -qE "$2" "$3" || good=1
	report $good "$1" "$3"
}
as_nobody() { setpriv --reuid nobody --regid nogroup --clear-groups env -u XDG_RUNTIME_DIR "$@"; }

"$berth" run --backend preload -- ./suid >out 2>err || true
expect 'a set-user-id program is named' "started '\./suid', which the shim cannot enter" err
expect 'it still runs' 'accept' out
PATH=":$PATH" "$berth" run --backend preload -- suid >out 2>err || true
expect 'one found by an empty entry of PATH is named' "started 'suid', which the shim cannot enter" err
mkdir -p first/suid
PATH="$work/first:$work:$PATH" "$berth" run --backend preload -- env suid >out 2>err || true
expect 'one found behind a directory of its name is named' "started '$work/suid', which the shim cannot enter" err
"$berth" run --backend preload -- ./sgid >out 2>err || true
expect 'a set-group-id program is named' "started '\./sgid', which the shim cannot enter" err
as_nobody "$berth" run --backend preload -- ./caps >out 2>err || true
expect 'a program with capabilities is named' "started '\./caps', which the shim cannot enter" err
"$berth" explain ./suid >out 2>&1 || true
expect 'explain: set-user-id' 'set-user-id' out
as_nobody "$berth" explain ./caps >out 2>&1 || true
expect 'explain: capabilities' 'capabilit' out
status=0; "$berth" run --backend preload --strict -- ./suid >out 2>err || status=$?
echo "status $status" >status
expect 'with --strict the run fails with 120' 'status 120' status
finish
