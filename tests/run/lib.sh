# SPDX-License-Identifier: MIT
# Sourced by the scripts beside it: a project and a runtime directory of the test's own, and waiting
# with a deadline. BERTH names the program under test.
set -u
here=$(cd "$(dirname "$0")" && pwd)
BERTH=${BERTH:-$here/../../.out/bin/berth}
top=$(mktemp -d "${TMPDIR:-/tmp}/berth-test.XXXXXX")
mkdir "$top/project" "$top/runtime"
chmod 755 "$top" "$top/project"
chmod 700 "$top/runtime"
export XDG_RUNTIME_DIR="$top/runtime" XDG_CACHE_HOME="$top/cache" XDG_STATE_HOME="$top/state"
unset BERTH_RUN BERTH_WORKER NO_COLOR FORCE_COLOR PLAYWRIGHT_PROJECT PROJECT_NAME
cd "$top/project" || exit 1
results=$("$BERTH" trends 2>&1 | sed -n "s/.*no run has been recorded in '\(.*\)'.*/\1/p")
export results
. "$here/../tap.sh"
trap 'cd /; rm -rf "$top"' EXIT

# is WANT GOT SENTENCE
is() {
	[ "$1" = "$2" ]
	report $? "$3"
	[ "$1" = "$2" ] || { explain want "$1"; explain got "$2"; }
}

# has TEXT PATTERN SENTENCE: a line of TEXT matches
has() {
	printf '%s\n' "$1" | grep -Eq -- "$2"
	set -- $? "$@"
	report "$1" "$4"
	[ "$1" = 0 ] || { explain 'want a line like' "$3"; explain got "$2"; }
}

# lacks TEXT PATTERN SENTENCE
lacks() {
	! printf '%s\n' "$1" | grep -Eq -- "$2"
	set -- $? "$@"
	report "$1" "$4"
	[ "$1" = 0 ] || explain has "$(printf '%s\n' "$2" | grep -E -- "$3")"
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	tries=$(($1 * 50))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.02
	done
}

gone() { ! kill -0 "$1" 2>/dev/null; }
# No process of ours says it belongs to this test's runs.
none_left() { ! grep -qzsE "^BERTH_(MAP|VIEW)=$top/" /proc/[0-9]*/environ; }
no_files() { [ -z "$(ls -A "$XDG_RUNTIME_DIR/berth" 2>/dev/null)" ]; }
