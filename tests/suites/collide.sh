#!/bin/bash
# SPDX-License-Identifier: MIT
# collide.sh [SUITE...]: the suites hardcode their ports. One copy of a suite passes; of two copies
# that start at once at least one fails. Each attempt has a network namespace of its own.
set -u
cd "$(dirname "$0")" || exit 1

suites=("$@")
[ $# -gt 0 ] || suites=(pytest go java ruby shell udp php shop)
attempts=3 # two copies may by chance miss each other
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. ../tap.sh

# Without root the namespace needs a user namespace, which keeps the user's id, as PostgreSQL insists on.
namespace=(unshare -n)
[ "$(id -u)" = 0 ] || namespace=(unshare --user --map-current-user --keep-caps -n)

command_of() {
	[ "$1" = shop ] && echo 'npx playwright test --project=operations' || echo ./run
}

# prepare SUITE COPY...
prepare() {
	local suite=$1
	shift
	[ "$suite" != shop ] || [ -d shop/node_modules ] || npm --prefix shop ci --silent >&2
	for copy; do
		cp -r "$suite" "$work/$copy"
	done
}

# run_together SUITE COPY...: print the exit status of each copy; $work/COPY.log has its output.
run_together() {
	local command
	command=$(command_of "$1")
	shift
	# shellcheck disable=SC2016 # the inner shell expands
	"${namespace[@]}" bash -c '
		ip link set lo up || exit 1
		work=$1 command=$2
		shift 2
		for copy; do
			(cd "$work/$copy" && exec timeout -k 10 180 $command) >"$work/$copy.log" 2>&1 </dev/null &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do
			wait "$pid"
			echo $?
		done' collide "$work" "$command" "$@" | paste -sd' '
}

# The first line of the logs that names the collision: a port in use, or an answer of the other
# copy's server.
why() {
	sed 's/\x1b\[[0-9;]*m//g; s/^ */# /' "$work"/*.log |
		grep -m 1 -E 'EADDRINUSE|[Aa]ddress already in use|already used|was not able to start|want |[Ee]xpected'
}

# collides SUITE
collides() {
	local try status
	for ((try = 1; try <= attempts; try++)); do
		status=$(run_together "$1" one two)
		echo "# $1: exit statuses $status"
		[ "$status" = '0 0' ] || { why && return 0; }
	done
	return 1
}

for suite in "${suites[@]}"; do
	rm -rf "${work:?}"/*
	prepare "$suite" one two
	status=$(run_together "$suite" one)
	[ "$status" = 0 ]
	report $? "$suite: one copy passes" "$work/one.log"
	collides "$suite"
	report $? "$suite: of two copies at once one fails" "$work/one.log"
done
finish
