#!/bin/sh
# Three copies (--full: eight) of each behaviour program at once under the preload backend print what
# one prints bare. Not icmp: an echo's identifier is the host's, and a reply finds any of the copies. A hundred
# runs leave ports in TIME_WAIT in every block of the range. QUICK=1: a third of the programs.
set -eu
here=$(dirname "$0") copies=3 every=${QUICK:+3}
[ -z "${FULL-}" ] || copies=8
[ "$(id -u)" != 0 ] || set -- "$here/alone"
# shellcheck disable=SC2046 # our names have no spaces
exec "$@" "$here/run" --copies $copies --with "${BERTH:-berth} run --backend preload -n $copies --output group --" \
	$(cd "$here" && ls -- *.c | sed '/^plugin_/d; /^outsider/d; /^icmp/d; s/\.c$//' |
		awk -v every="${every:-1}" 'NR % every == 0')
