#!/bin/sh
# SPDX-License-Identifier: MIT
# The other tests of this folder as a user without privileges and without a cgroup of its own.
set -u
here=$(cd "$(dirname "$0")" && pwd)
BERTH=${BERTH:-$here/../../.out/bin/berth}
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP not root: the tests beside this one already run without privilege"
	exit 77
fi
[ -n "${ALONE-}" ] || ALONE=1 exec "$here/../shim/alone" "$0" # as in ports.sh
top=$(mktemp -d /tmp/berth-nobody.XXXXXX)
trap 'rm -rf "$top"' EXIT
mkdir "$top/tests" "$top/out"
cp -r "$(dirname "$(dirname "$BERTH")")/bin" "$(dirname "$(dirname "$BERTH")")/lib" "$top/out/"
cp "$here"/*.sh "$top/tests/"
cp "$here/../tap.sh" "$top/"
chmod -R a+rX "$top"
. "$here/../tap.sh"
for test in ${GROUPS_OF_RUN-status signals output ports tree paths}; do
	su nobody -s /bin/sh -c "cd /; ROUNDS=5 BERTH=$top/out/bin/berth TMPDIR=/tmp exec sh $top/tests/$test.sh" >"$top/log" 2>&1
	status=$?
	grep -v '^ok' "$top/log" >"$top/failures"
	[ $status = 0 ] && ! grep -q '^not ok' "$top/log"
	report $? "$test as nobody: $(grep -c '^ok' "$top/log") checks, status $status" "$top/failures"
done
finish
