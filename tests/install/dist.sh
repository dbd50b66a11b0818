#!/bin/sh
# SPDX-License-Identifier: MIT
# `make dist`: the archive is the same each time, and its tree runs from any directory, for a plain
# user, also on a machine that has none of the libraries that Berth is built with.
. "$(dirname "$0")/lib.sh"

if ! makes_archives; then
	echo '1..0 # SKIP an archive is made of the plain build on Debian 12 only'
	exit 77
fi
make -s -C "$top" dist >"$work/log" 2>&1 && grep -q 'needs 2\.34 of glibc' "$work/log"
report $? 'make dist: glibc 2.34 is enough' "$work/log"
dist=$top/.out/dist
cp "$dist/SHA256SUMS" "$work/"
make -s -C "$top" dist >"$work/log" 2>&1 && diff "$work/SHA256SUMS" "$dist/SHA256SUMS" >"$work/log"
report $? 'made again, it is the same archive' "$work/log"
(cd "$dist" && sha256sum --quiet -c SHA256SUMS) >"$work/log" 2>&1
report $? 'SHA256SUMS has its sum' "$work/log"
mkdir "$work/some where"
tar xzf "$dist"/berth-*.tar.gz -C "$work/some where"
tree=$(echo "$work/some where"/berth-*)
grep -rlF "$top/" "$tree" >"$work/log"
[ ! -s "$work/log" ]
report $? 'no file names the checkout' "$work/log"
ldd "$tree/bin/berth" | grep -vE 'linux-vdso|libc\.so\.6|/ld-linux' >"$work/log"
[ ! -s "$work/log" ]
report $? 'the command needs no library but libc' "$work/log"
for user in $(users); do for backend in preload seccomp auto; do
	try_berth "$tree/bin/berth" "$user" "$backend"
	report $? "two workers have one port, $backend, $user" "$work/try/log"
done; done

# A root with libc, a shell and Python only.
cat >"$work/inside" <<'INSIDE'
set -eu
root=$1/root; mkdir "$root"; mount -t tmpfs -o mode=755 tmpfs "$root"
for file in /bin/sh /usr/bin/python3 /usr/bin/env /usr/bin/setpriv; do
	ldd $file | grep -o '/[^ ]*'
	echo $file
done | sort -u | xargs cp -L --parents -t "$root"
mkdir -p "$root/usr/lib" "$root/proc" "$root/sys" "$root/dev" "$root/etc" "$root/berth" "$root/home" "$root$1/met"
mkdir "$root/home/p"; chown -R nobody: "$root/home"; chmod 1777 "$root/tmp" "$root$1/met"
for dir in /proc /sys /dev /usr/lib/python3*; do mkdir -p "$root$dir"; mount --rbind "$dir" "$root$dir"; done
cp /etc/passwd /etc/group "$root/etc/"; cp -r "$2/." "$root/berth"; cp "$1/suite" "$root$1/"
as="chroot $root setpriv --reuid nobody --regid nogroup --clear-groups env -i HOME=/home PATH=/usr/bin:/bin"
$as /berth/bin/berth version
$as sh -c "cd /home/p && exec /berth/bin/berth run -n 2 -- python3 $1/suite $1/met" && echo ran
INSIDE
if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
	skip 'a machine without libraries' 'only root can make one'
	finish
fi
unshare -m --propagation private sh "$work/inside" "$work" "$tree" >"$work/said" 2>&1
grep -qx ran "$work/said"
report $? 'without libraries two workers have one port' "$work/said"
for line in 'libpq.so.5 *not found: no rename mode' 'libssl.so.3 *not found: no TLS' \
	'libdw.so.1 *not found: no function names' \
	"unable to add the run to the history '.*': libsqlite3.so.0 is missing"; do
	grep -q "$line" "$work/said"
	report $? "and Berth says: $line" "$work/said"
done
finish
