#!/bin/sh
# Eight copies of each behaviour program at once under the preload backend print what one prints bare.
set -eu
here=$(dirname "$0")
[ "$(id -u)" != 0 ] || set -- "$here/alone"
exec "$@" "$here/run" --copies 8 --with "${BERTH:-berth} run --backend preload -n 8 --output group --"
