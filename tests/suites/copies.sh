#!/bin/sh
# The small suites, four unchanged copies of each at once: all pass and nothing is left. As root, then as a plain user.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
berth=${BERTH:-$here/../../.out/bin/berth}
suites=${SUITES:-pytest java ruby shell udp php}
number=0

result() { # STATUS SENTENCE LOG
	number=$((number + 1))
	if [ "$1" = 0 ]; then echo "ok $number - $2"; return; fi
	echo "not ok $number - $2"
	tail -n 25 "$3" | sed 's/^/# /'
}

# What was not there before, looked at again for a while: other programs of this machine come and go.
settle() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$here/leftovers" | sort | comm -13 "$1/before" - >"$1/left"
		[ -s "$1/left" ] || return 0
		sleep 0.3
	done
	return 1
}

# copies USER-PREFIX SUITE: in a fresh copy of the suite's folder
copies() {
	work=$(mktemp -d /var/tmp/berth-suites-XXXXXX)
	cp -r "$here/$2" "$work/project"
	[ "$1" = root ] || chown -R nobody "$work"
	run="cd '$work/project' && HOME='$work' '$berth' run -n 4 --output group -- ./run"
	"$here/leftovers" | sort >"$work/before"
	status=0
	if [ "$1" = root ] || [ "$(id -u)" != 0 ]; then
		sh -c "$run" >"$work/log" 2>&1 || status=$?
	else
		setpriv --reuid nobody --regid nogroup --clear-groups env -u XDG_RUNTIME_DIR sh -c "$run" >"$work/log" 2>&1 || status=$?
	fi
	result "$status" "$2: four copies at once pass ($1)" "$work/log"
	status=0; settle "$work" || status=$?
	result "$status" "$2: nothing is left ($1)" "$work/left"
	rm -rf "$work"
}

if [ "$(id -u)" = 0 ]; then who='root nobody'; else who=$(id -un); fi
# shellcheck disable=SC2086
set -- $suites
echo "1..$(($# * $(echo "$who" | wc -w) * 2))"
for user in $who; do for suite; do copies "$user" "$suite"; done; done
