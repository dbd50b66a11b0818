# SPDX-License-Identifier: MIT
# Sourced by the scripts beside it. Gives the test its own /tmp, so that other users can take well-known names in it.
set -u
here=$(cd "$(dirname "$0")" && pwd)
BERTH=${BERTH:-$here/../../.out/bin/berth}
if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
	echo '1..0 # SKIP only root can be two users, and have a /tmp of its own'
	exit 77
fi
if [ -z "${INSIDE-}" ]; then
	INSIDE=1 exec unshare -m --propagation private "$0" "$@"
fi
. "$here/../tap.sh" # before a checkout below /tmp is covered
# The user nobody must be able to reach these programs.
work=$(mktemp -d /var/tmp/berth-security.XXXXXX)
trap 'cd /; rm -rf "$work"' EXIT
chmod 755 "$work"
built=$(dirname "$(dirname "$BERTH")")
cp -r "$built/bin" "$built/lib" "$work/"
cp "${BERTH_OUT:-$built}/tests/security/hostile" "$work/"
chmod -R a+rX "$work"
BERTH=$work/bin/berth
mkdir -m 1777 "$work/tmp"
mount --bind "$work/tmp" /tmp
mkdir "$work/home" "$work/root" "$work/nobody"
chown nobody "$work/nobody"
export HOME="$work/home"
unset XDG_RUNTIME_DIR XDG_STATE_HOME BERTH_PROFILE DATABASE_URL CI

# is WANT GOT SENTENCE
is() {
	[ "$1" = "$2" ]
	report $? "$3"
	[ "$1" = "$2" ] || { explain want "$1"; explain got "$2"; }
}
nobody() { (cd "$work/nobody" && HOME=$PWD exec setpriv --reuid nobody --regid nogroup --clear-groups "$@"); }
# run_as USER BACKEND: starts a run that lasts until $work/USER/go exists, and returns when its worker has started.
# $pid is its supervisor.
run_as() {
	rm -f "$work/$1/go" "$work/$1/here"
	script=': >here; i=0; while [ ! -e go ] && [ $i -lt 600 ]; do sleep 0.05; i=$((i + 1)); done'
	# shellcheck disable=SC2086
	if [ "$1" = root ]; then
		(cd "$work/root" && exec "$BERTH" run --tree shared --backend "$2" ${more-} -- sh -c "$script") >"$work/said" 2>&1 &
	else
		nobody "$BERTH" run --tree shared --backend "$2" ${more-} -- sh -c "$script" >"$work/said" 2>&1 &
	fi
	pid=$! tries=400
	until [ -e "$work/$1/here" ] || [ $tries = 0 ]; do sleep 0.05; tries=$((tries - 1)); done
}
end_run() { : >"$work/$1/go"; wait "$pid"; }
