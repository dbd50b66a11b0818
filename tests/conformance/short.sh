#!/bin/sh
# SPDX-License-Identifier: MIT
# A short selection of other projects' tests gives the same results bare, under each backend, and in
# four copies at once.
set -u
here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" != 0 ]; then
	echo '1..0 # SKIP only root can install the suites and be alone on the machine'
	exit 77
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ -n "${QUICK-}" ]; then set -- openssh/connect cpython/test_telnetlib; else set --; fi
"$here/run" --short "$@" >"$log" 2>&1
status=$?
# the table's lines: suite mode tests same explained different unsteady
awk -v status=$status '
	$1 == "suite" && $2 == "mode" { table = 1; next }
	table && NF == 7 {
		good = $3 > 0 && $6 == 0
		print (good ? "ok " : "not ok ") ++n " - " $1 ": " $3 " tests, " $2 ": " \
			($5 ? $5 " explained, the rest as bare" : "as bare")
	}
	/^different:/ { print "# " $0 }
	END {
		if (!n) { print "not ok " ++n " - the harness printed no table"; bad = 1 }
		print "1.." n
		exit bad || status != 0
	}' "$log"
status=$?
[ $status = 0 ] || tail -n 20 "$log" >&2
exit $status
