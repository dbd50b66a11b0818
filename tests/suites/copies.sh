#!/bin/sh
# The small suites, four unchanged copies of each at once: all pass and nothing is left. As root, then as a plain user.
set -eu
[ -n "${ALONE-}" ] || ALONE=1 exec "$(dirname "$0")/alone" "$0" "$@"
here=$(cd "$(dirname "$0")" && pwd)
berth=${BERTH:-$here/../../.out/bin/berth}
. "$here/lib.sh"
suites=${SUITES:-pytest go java ruby shell udp php}

copies() { # copies USER SUITE
	prepare "$1" "$2"
	status=0
	as "$1" "cd '$work/project' && '$berth' run -n 4 --output group -- ./run" >"$work/log" 2>&1 || status=$?
	result "$status" "$2: four copies at once pass ($1)" "$work/log"
	status=0; settle || status=$?
	result "$status" "$2: nothing is left ($1)" "$work/left"
	rm -rf "$work"
}

if [ "$(id -u)" = 0 ]; then who='root nobody'; else who=$(id -un); fi
# shellcheck disable=SC2086
set -- $suites
echo "1..$(($# * $(echo "$who" | wc -w) * 2))"
for user in $who; do for suite; do copies "$user" "$suite"; done; done
