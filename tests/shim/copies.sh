#!/bin/sh
# Six copies of each behaviour program at once under the preload backend print what one prints bare. Not icmp: an echo's
# identifier is the host's, and a reply finds any of the copies. A hundred runs of six get ports on which none before them
# lingers in TIME_WAIT, out of twice as many as usual.
set -eu
here=$(dirname "$0")
[ "$(id -u)" != 0 ] || set -- "$here/alone"
# shellcheck disable=SC2046 # our names have no spaces
exec "$@" "$here/run" --copies 6 --with "${BERTH:-berth} run --backend preload -n 6 --range 10016-29983 --output group --" \
	$(cd "$here" && ls -- *.c | sed '/^plugin_/d; /^outsider/d; /^icmp/d; s/\.c$//')
