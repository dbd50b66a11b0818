#!/bin/sh
# SPDX-License-Identifier: MIT
# `make deb`: lintian has nothing to say, and on a machine that is a throw-away copy of this one (an overlay over /, in a mount
# namespace) the package installs, runs two workers, and is purged without a trace.
. "$(dirname "$0")/lib.sh"

if [ -n "$mode" ]; then
	echo '1..0 # SKIP a package is made of the plain build only'
	exit 77
fi
make -s -C "$top" deb >"$work/log" 2>&1
report $? 'make deb' "$work/log"
deb=$(echo "$top"/.out/deb/berth_*.deb)
lintian --allow-root --fail-on error,warning "$deb" >"$work/log" 2>&1
report $? 'lintian has neither errors nor warnings' "$work/log"
dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed 's/^ *//; s/ .*//' >"$work/depends"
grep -qx libseccomp2 "$work/depends" && ! grep -q -- '-dev$' "$work/depends"
report $? 'it depends on run-time libraries alone' "$work/depends"
dpkg-deb -c "$deb" | awk '$6 ~ /\/man\// && $1 !~ /^d/ && $6 !~ /\.gz$/ { print; bad = 1 } END { exit bad }' >"$work/log"
report $? 'its man pages are compressed' "$work/log"

cat >"$work/inside" <<'INSIDE'
set -eu
mkdir "$1/root" "$1/layers"
mount -t tmpfs tmpfs "$1/layers"
mkdir "$1/layers/upper" "$1/layers/work"
mount -t overlay -o "lowerdir=/,upperdir=$1/layers/upper,workdir=$1/layers/work" overlay "$1/root"
for dir in proc sys dev; do mount --rbind "/$dir" "$1/root/$dir"; done
for dir in tmp var/tmp; do mount -t tmpfs -o mode=1777 tmpfs "$1/root/$dir"; done
mkdir -m 755 "$1/root$1"; cp "$2" "$1/root$1/berth.deb"; cp "$1/suite" "$1/root$1/"
chroot "$1/root" dpkg -i "$1/berth.deb" >"$1/log.install" 2>&1 && echo installed
for user in root nobody; do for backend in preload seccomp auto; do
	chroot "$1/root" sh -c "mkdir -m 777 $1/met $1/home; cd $1/home; HOME=$1/home exec setpriv --reuid $user --clear-groups \
		env -i PATH=/usr/bin:/bin berth run --backend $backend --tree shared -n 2 -- python3 $1/suite $1/met" \
		>"$1/log.$user.$backend" 2>&1 && echo "ran $user $backend"
	rm -rf "$1/root$1/met" "$1/root$1/home"
done; done
chroot "$1/root" dpkg -P berth >"$1/log.purge" 2>&1 && echo purged
(cd "$1/layers/upper" && find . -path '*apparmor*' -type f)
# with an AppArmor that knows user namespaces; its programs print what they are to do
mkdir -p "$1/root/etc/apparmor.d/abi"
echo >"$1/root/etc/apparmor.d/abi/4.0"
for name in aa-enabled apparmor_parser; do
	printf '#!/bin/sh\necho "$0 $*" >>/tmp/apparmor\n' >"$1/root/usr/sbin/$name"
	chmod 755 "$1/root/usr/sbin/$name"
done
chroot "$1/root" dpkg -i "$1/berth.deb" >"$1/log.apparmor" 2>&1
grep -q 'userns,' "$1/root/etc/apparmor.d/berth" && chroot "$1/root" dpkg -P berth >>"$1/log.apparmor" 2>&1
cat "$1/root/tmp/apparmor" >>"$1/log.apparmor"
grep -c '[re][e][mp][ol].* /etc/apparmor.d/berth' "$1/root/tmp/apparmor" | grep -qx 2 && echo 'profile loaded'
rm -rf "$1/root/etc/apparmor.d/abi/4.0" "$1/root/usr/sbin/aa-enabled" "$1/root/usr/sbin/apparmor_parser"
rmdir "$1/root/etc/apparmor.d/abi" 2>/dev/null || :
# what dpkg and the supervisor's own users keep: its database, its logs, caches
cd "$1/layers/upper" && find . -not -type d | grep -vE '^\./var/(lib/dpkg|log|cache/(man|debconf|ldconfig))/' || :
cd "$1/layers/upper" && find . -type d -name '*berth*' || :
INSIDE
if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
	skip 'the package on a throw-away machine' 'only root can make one'
	finish
fi
unshare -m --propagation private sh "$work/inside" "$work" "$deb" >"$work/said" 2>"$work/err" || cat "$work/err" >>"$work/said"
# said SENTENCE LINE LOG
said() {
	grep -qx "$2" "$work/said"
	report $? "$1" "$work/$3"
}
said 'dpkg installs it' installed log.install
for user in root nobody; do for backend in preload seccomp auto; do
	said "two workers have one port, $backend, $user" "ran $user $backend" "log.$user.$backend"
done; done
said 'dpkg purges it' purged log.purge
said 'where AppArmor is, a profile is loaded and removed' 'profile loaded' log.apparmor
grep -vxE 'installed|purged|profile loaded|ran .*' "$work/said" >"$work/left"
[ ! -s "$work/left" ]
report $? 'nothing is left' "$work/left"
finish
