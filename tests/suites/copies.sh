#!/bin/sh
# Several unchanged copies of each small suite at once, under every backend, as root and as a plain
# user: all pass and nothing is left. Root's preload runs with --full only, as auto is preload for the
# plain user. Eight copies with --full, four under bpf, else three.
set -eu
[ -n "${ALONE-}" ] || ALONE=1 exec "$(dirname "$0")/alone" "$0" "$@"
here=$(cd "$(dirname "$0")" && pwd)
berth=${BERTH:-$here/../../.out/bin/berth}
. "$here/lib.sh"
suites=${SUITES:-pytest go java ruby shell udp php}

# copies USER SUITE BACKEND
copies() {
	prepare "$1" "$2"
	status=0 count=3
	[ "$3" != bpf ] || count=4
	[ -z "${FULL-}" ] || count=8
	as "$1" "cd '$work/project' && '$berth' run -n $count --output group --backend $3 -- ./run" >"$work/log" 2>&1 || status=$?
	report "$status" "$2: $count copies at once pass ($1, $3)" "$work/log"
	status=0; settle || status=$?
	report "$status" "$2: nothing is left ($1, $3)" "$work/left"
	rm -rf "$work"
}

# Go's library is compiled once, not once for each copy.
if [ "$(id -u)" = 0 ] && [ "${suites#*go}" != "$suites" ]; then
	export GOCACHE=/tmp/go-cache
	(cd "$here/go" && GOFLAGS=-mod=mod HOME=/tmp go test -c -o /dev/null . >&2) || :
	chmod -R a+rwX "$GOCACHE"
fi
# shellcheck disable=SC2086
set -- $suites
if [ "$(id -u)" != 0 ]; then
	echo "1..$(($# * 2))"
	for suite; do copies "$(id -un)" "$suite" auto; done
	exit
fi
ways=3; [ -z "${FULL-}" ] || ways=4
echo "1..$(($# * ways * 2))"
for suite; do
	copies root "$suite" bpf
	copies root "$suite" seccomp
	[ -z "${FULL-}" ] || copies root "$suite" preload
	copies nobody "$suite" auto
done
