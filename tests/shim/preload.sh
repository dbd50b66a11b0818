#!/bin/sh
# The behaviour programs bare and under the preload backend print the same.
set -eu
here=$(dirname "$0")
[ "$(id -u)" != 0 ] || set -- "$here/alone"
exec "$@" "$here/run" --jobs 2 --with "${BERTH:-berth} run --backend preload --"
