#!/bin/sh
# The behaviour programs bare and under the preload backend print the same for a user without any
# privilege.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" != 0 ]; then
	echo '1..0 # SKIP not root: tests/shim/preload.sh already runs without privilege'
	exit 0
fi
exec "$here/alone" --user nobody env -u XDG_RUNTIME_DIR HOME=/nonexistent \
	"$here/run" --jobs 2 --with "${BERTH:-berth} run --backend preload --"
