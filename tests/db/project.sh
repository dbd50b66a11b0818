# SPDX-License-Identifier: MIT
# What the groups that run `berth` itself share: a server, and a project as current directory. Sourced
# after lib.sh.
. tests/db/server.sh
trap 'server_down 2>/dev/null || :; rm -rf "$work"' EXIT
berth=${BERTH:-$out/bin/berth}
case $berth in /*) ;; *) berth=$PWD/$berth ;; esac
hold=$PWD/tests/db/hold.py
mkdir -m 777 "$work/project"
cd "$work/project"
