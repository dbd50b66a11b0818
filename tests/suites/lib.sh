# shellcheck shell=sh disable=SC2154
# Shared by the groups of tests/suites: a project of one's own, and what a run has left behind. To be sourced; $here is tests/suites.
. "$here/../tap.sh"

# as USER COMMAND: run a shell command as root or as a plain user, with an empty HOME
as() {
	if [ "$1" = root ] || [ "$(id -u)" != 0 ]; then
		HOME=$work/home sh -c "$2"
	else
		setpriv --reuid "$1" --regid nogroup --clear-groups env -u XDG_RUNTIME_DIR HOME="$work/home" sh -c "$2"
	fi
}

# prepare USER SUITE: $work/project is a fresh copy of the suite that belongs to the user
prepare() {
	work=$(mktemp -d /var/tmp/berth-suites-XXXXXX)
	mkdir "$work/home"
	cp -r "$here/$2" "$work/project"
	rm -rf "$work/project/test-results" "$work/project/.berth"
	[ "$1" = root ] || [ "$(id -u)" != 0 ] || chown -R "$1:nogroup" "$work"
	"$here/leftovers" | sort >"$work/before"
}

# settle: status 1 and $work/left if something is left. Looked at for a while: what was told to end may still be ending.
settle() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$here/leftovers" | sort | comm -13 "$work/before" - >"$work/left"
		[ -s "$work/left" ] || return 0
		sleep 0.3
	done
	return 1
}
