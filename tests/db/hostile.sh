#!/bin/sh
# SPDX-License-Identifier: MIT
# Servers and clients that break the protocol, against the relay and berth's own connections; the
# privileges of the process that talks to such a server.
set -u
cd "$(dirname "$0")/../.." || exit 1
out=${BERTH_OUT:-$PWD/.out}
[ -x "$out/tests/db/relay" ] || { echo '1..0 # SKIP the relay is not built: make tests'; exit 77; }
unset PGHOST PGPORT PGUSER PGPASSWORD PGDATABASE DATABASE_URL
exec python3 tests/db/hostile.py "$out/tests/db/relay" "$out/bin/berth"
