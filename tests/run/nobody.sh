#!/bin/sh
# SPDX-License-Identifier: MIT
# The tests beside this one once more, as a user without any privilege and without a cgroup of his own.
set -u
here=$(cd "$(dirname "$0")" && pwd)
BERTH=${BERTH:-$here/../../.out/bin/berth}
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP not root: the tests beside this one already run without privilege"
	exit 77
fi
top=$(mktemp -d /tmp/berth-nobody.XXXXXX)
trap 'rm -rf "$top"' EXIT
mkdir "$top/tests" "$top/out"
cp -r "$(dirname "$(dirname "$BERTH")")/bin" "$(dirname "$(dirname "$BERTH")")/lib" "$top/out/"
cp "$here"/*.sh "$top/tests/"
chmod -R a+rX "$top"
count=0 failed=0
for test in status signals output ports tree terminal kill; do
	count=$((count + 1))
	su nobody -s /bin/sh -c "cd /; ROUNDS=10 BERTH=$top/out/bin/berth TMPDIR=/tmp exec sh $top/tests/$test.sh" >"$top/log" 2>&1
	status=$?
	if [ $status = 0 ] && ! grep -q '^not ok' "$top/log"; then
		echo "ok $count - $test as nobody: $(grep -c '^ok' "$top/log") checks"
	else
		failed=1
		echo "not ok $count - $test as nobody: status $status"
		grep -v '^ok' "$top/log" | sed 's/^/# /' | head -40
	fi
done
echo "1..$count"
exit $failed
