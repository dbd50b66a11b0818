#!/bin/sh
# The behaviour programs bare and under the preload backend print the same, while a stranger holds
# their TCP ports.
set -eu
here=$(dirname "$0")
[ "$(id -u)" != 0 ] || set -- "$here/alone"
exec "$@" "$here/run" --jobs 2 --outsider --with "${BERTH:-berth} run --backend preload --"
