#!/bin/sh
# SPDX-License-Identifier: MIT
# `make install` to a prefix, with a space in its name and without one: what lies there works by itself, as root and as a
# plain user, and `make uninstall` takes away exactly that.
. "$(dirname "$0")/lib.sh"

for name in plain 'with space'; do
	prefix="$work/$name/usr"
	# A file and an empty directory of another package, which uninstall must keep
	mkdir -p "$prefix/bin" "$prefix/share/man/man1"
	echo other >"$prefix/bin/other"
	(cd "$prefix" && find . | sort) >"$work/before"
	make -s -C "$top" ${mode:+"$mode"} install PREFIX="$prefix" >"$work/log" 2>&1
	report $? "$name: make install" "$work/log"
	find "$prefix" -newer "$work/before" \( -type f ! -perm -444 -o -type d ! -perm -755 \) >"$work/log"
	[ ! -s "$work/log" ]
	report $? "$name: everybody can read what was installed" "$work/log"
	"$prefix/bin/berth" version >"$work/log" 2>&1 && grep -qF "$prefix/lib/berth/libberth.so" "$work/log"
	report $? "$name: the command finds the shim beside it" "$work/log"
	for user in $(users); do for backend in preload seccomp auto; do
		try_berth "$prefix/bin/berth" "$user" "$backend"
		report $? "$name: two workers have one port, $backend, $user" "$work/try/log"
	done; done
	ln -sf "$prefix/bin/berth" "$work/link"
	try_berth "$work/link" "$(id -un)" preload
	report $? "$name: started through a symbolic link" "$work/try/log"
	if command -v man >/dev/null 2>&1 && [ -f "$prefix/share/man/man1/berth.1" ]; then
		MANPATH="$prefix/share/man" man -w berth >"$work/log" 2>&1
		report $? "$name: man finds the page" "$work/log"
	fi
	make -s -C "$top" ${mode:+"$mode"} install PREFIX="$prefix" >"$work/log" 2>&1
	report $? "$name: installed again over itself" "$work/log"
	make -s -C "$top" ${mode:+"$mode"} uninstall PREFIX="$prefix" >"$work/log" 2>&1
	report $? "$name: make uninstall" "$work/log"
	(cd "$prefix" && find . | sort) | diff "$work/before" - >"$work/log"
	report $? "$name: exactly what install put there is gone" "$work/log"
	make -s -C "$top" ${mode:+"$mode"} uninstall PREFIX="$prefix" >"$work/log" 2>&1
	[ $? != 0 ] && grep -q 'nothing to uninstall' "$work/log"
	report $? "$name: a second uninstall says that there is nothing" "$work/log"
done

# A stage, as packagers use it: nothing but the list knows DESTDIR
make -s -C "$top" ${mode:+"$mode"} install DESTDIR="$work/stage" PREFIX=/usr >"$work/log" 2>&1
report $? 'DESTDIR: make install' "$work/log"
grep -rlF "$work" "$work/stage" >"$work/log"
[ ! -s "$work/log" ]
report $? 'DESTDIR: no installed file names it' "$work/log"
# An older version's file that this one does not have
echo lib/berth/old >>"$work/stage/usr/share/berth/installed"
touch "$work/stage/usr/lib/berth/old"
make -s -C "$top" ${mode:+"$mode"} install DESTDIR="$work/stage" PREFIX=/usr >"$work/log" 2>&1
[ ! -e "$work/stage/usr/lib/berth/old" ]
report $? 'an upgrade removes what the new version does not have' "$work/log"
make -s -C "$top" ${mode:+"$mode"} uninstall DESTDIR="$work/stage" PREFIX=/usr >"$work/log" 2>&1
find "$work/stage" -mindepth 1 >"$work/log"
[ ! -s "$work/log" ]
report $? 'DESTDIR: uninstall leaves an empty tree' "$work/log"
make -s -C "$top" ${mode:+"$mode"} install PREFIX=relative >"$work/log" 2>&1
[ $? != 0 ] && grep -q "unable to install to 'relative': not an absolute path" "$work/log"
report $? 'a relative PREFIX is refused' "$work/log"
mkdir -m 555 "$work/closed"
as=
[ "$(id -u)" != 0 ] || as='setpriv --reuid nobody --regid nogroup --clear-groups'
$as "$top/scripts/install" .out '' "$work/closed/usr" >"$work/log" 2>&1
[ $? = 125 ] && grep -q "unable to write to '$work/closed': Permission denied" "$work/log" && grep -q '^hint: sudo make install' "$work/log"
report $? 'a PREFIX that is not ours is refused before anything is copied' "$work/log"
finish
