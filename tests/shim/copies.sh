#!/bin/sh
# Eight copies of each behaviour program at once under the preload backend print what one prints bare. Not icmp: an echo's
# identifier is the host's, and a reply finds any of the copies. Some of a hundred runs in a minute and a half would get ports on which
# the ones before linger in TIME_WAIT, if there were not twice as many as usual.
set -eu
here=$(dirname "$0")
[ "$(id -u)" != 0 ] || set -- "$here/alone"
# shellcheck disable=SC2046 # our names have no spaces
exec "$@" "$here/run" --copies 8 --with "${BERTH:-berth} run --backend preload -n 8 --range 10016-29983 --output group --" \
	$(cd "$here" && ls -- *.c | sed '/^plugin_/d; /^outsider/d; /^icmp/d; s/\.c$//')
