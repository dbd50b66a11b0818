#!/bin/sh
# SPDX-License-Identifier: MIT
# Ten rounds of the campaign of faults: right or clearly failed, nothing left, the next run works. All of it: make faults.
here=$(cd "$(dirname "$0")" && pwd)
[ "$(id -u)" = 0 ] || { echo '1..0 # SKIP only root can mount, take capabilities away and change users'; exit 77; }
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || { echo '1..0 # SKIP no PostgreSQL server: apt install postgresql'; exit 77; }
exec "$here/campaign" --tap --rounds 10 --seed 1
