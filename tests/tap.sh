# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# The Test Anything Protocol, https://testanything.org: sourced by the lib.sh of each group, which adds its own asserts.
tap_count=0 tap_failed=0

# report STATUS SENTENCE [FILE]: one result; the file says why it failed
report() {
	tap_count=$((tap_count + 1))
	[ "$1" = 0 ] && echo "ok $tap_count - $2" && return
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $2"
	[ -z "${3-}" ] || tail -n 40 "$3" | sed 's/^/# /'
}

# explain HEADING TEXT: what explains the result before
explain() { printf '%s\n' "$2" | head -n 20 | sed "1s/^/$1: /; s/^/# /"; }

skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# finish: the plan; exits 1 if something failed
finish() {
	echo "1..$tap_count"
	exit $((tap_failed > 0))
}
