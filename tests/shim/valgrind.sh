#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The behaviour programs under valgrind print the same with the shim, and it adds no error. --full:
# all, else a handful. What valgrind cannot run, or complains of without the shim (bad pointers on
# purpose), is left out: asked, not listed. sigchld_eintr is listed: valgrind is a static program,
# so it runs under the seccomp filter, whose EINTR docs/limits.md names.
set -eu
here=$(cd "$(dirname "$0")" && pwd) bin=${BERTH_OUT:-$here/../../.out}/tests/shim
grind="valgrind -q --error-exitcode=99 --suppressions=$here/valgrind.supp"
if [ "${1-}" != --inside ]; then
	command -v valgrind >/dev/null || { echo '1..0 # SKIP no valgrind: apt install valgrind'; exit 77; }
	[ "$(id -u)" = 0 ] || exec "$0" --inside
	exec "$here/alone" "$0" --inside
fi
names='tcp4 tcp_dual_stack udp_sendmsg scm_rights dup_family fork_threads unix_sockets'
[ -z "${FULL-}" ] || names=$(cd "$here" && ls -- *.c | sed '/^plugin_/d; /^outsider/d; /^sigchld_eintr/d; s/\.c$//')
clean=() tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for name in $names; do
	status=0
	# shellcheck disable=SC2086 # a command and its options
	(cd "$tmp" && timeout 20 $grind "$bin/$name") </dev/null >/dev/null 2>&1 || status=$?
	case $status in 0 | 77) clean+=("$name") ;; *) echo "# $name: left out, status $status without the shim" ;; esac
done
[ $((${#clean[@]} * 4)) -ge $(($(wc -w <<<"$names") * 3)) ] ||
	{ echo "Bail out! only ${#clean[@]} programs run under valgrind"; exit 1; }
"$here/run" --with "${BERTH:-berth} run --backend preload -- $grind" "${clean[@]}"
