# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the tests of the backends share: TAP, a scratch directory, and which backends this machine
# has. Sourced.
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${BERTH_OUT:-$root/.out} programs=$out/tests/isolate driver=$out/tests/isolate/driver
tmp=$(mktemp -d)
chmod 755 "$tmp"
export XDG_STATE_HOME="$tmp/state"
export TMPDIR=$tmp # the driver's directory too, should it be killed
. "$root/tests/tap.sh"
pids=''
end() { # end everything that a test has started, and nothing else
	for pid in $pids; do kill -9 "$pid" 2>/dev/null || :; done
	rm -rf "$tmp"
}
trap end EXIT

# check SENTENCE FUNCTION [ARGUMENT]...: prints a line of TAP; what the function prints explains a
# failure
check() {
	local sentence=$1 good
	shift
	good=0
	"$@" >"$tmp/explain" 2>&1 || good=1
	report $good "$sentence" "$tmp/explain"
}

# has BACKEND: true if it can work here; else $why says what is missing
has() { why=$("$driver" --backend "$1" --probe 2>&1); }

# same TEXT FILE: a test's output is this
same() { [ "$1" = "$(cat "$2")" ] || { echo "want: $1"; echo "got: $(cat "$2")"; return 1; }; }

# within SECONDS COMMAND...: true as soon as the command is
within() {
	local until=$((SECONDS + $1))
	shift
	until "$@"; do [ "$SECONDS" -lt "$until" ] || return 1; sleep 0.05; done
}
