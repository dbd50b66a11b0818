#!/bin/sh
# SPDX-License-Identifier: MIT
# Berth's records lie outside of the project, workers cannot see or change them wherever they are,
# and Berth's own commands find them.
. "$(dirname "$0")/lib.sh"
overlay() { "$BERTH" run -n 2 --tree overlay -- true >/dev/null 2>&1; }
kinds='overlay copy'
overlay || kinds=copy
rm -rf "$results"

mkdir src
echo a >src/a.test.js
git init -q . && git add . && git -c user.name=t -c user.email=t@example.org commit -qm first
ls -AR . >"$top/before"
for kind in $kinds; do
	"$BERTH" run -n 2 --tree $kind -- sh -c 'ls -AR . >"$1" && git clean -xfdq && rm -rf .[!.]*' - "$top/inside" >out 2>err
	is 0 $? "$kind: a suite that removes all that it did not make passes"
	rm -f out err
	ls -AR . | cmp -s - "$top/before"; report $? "$kind: the project is as it was"
done
is "$(echo $kinds | wc -w)" "$(ls "$results/runs" | wc -l)" "the records of all runs are there"
is 700 "$(stat -c %a "$results")" "for this user alone"
is "$PWD" "$(cat "$results/project")" "beside the project's path"
"$BERTH" report --json - | jq -e .run >/dev/null && "$BERTH" leaks >/dev/null && "$BERTH" trends >/dev/null
report $? "report, leaks and trends find them"

# a place in the project, of Berth alone and with other files
see='ls -A test-results 2>&1 | tr "\n" " "; rm -rf test-results || exit 1; mkdir -p test-results/berth && echo mine >test-results/berth/runs'
for kind in $kinds; do
	for other in '' other.txt; do
		rm -rf test-results; mkdir -p test-results/berth
		[ -z "$other" ] || echo x >test-results/berth/$other
		"$BERTH" run -n 2 --tree $kind --results test-results/berth -- sh -c 'ls -A test-results/berth 2>&1 | sed s/.*No.such.*/none/' >/dev/null 2>&1
		"$BERTH" run -n 2 --tree $kind --results test-results/berth -- sh -c "ls -A test-results/berth 2>&1 | sed 's/.*No such.*/none/'; $see" >"$top/out" 2>"$top/err"
		is "0 2" "$? $(grep -c "| ${other:-none}\$" "$top/out")" "$kind: records in the project ${other:+beside other files }do not exist for a worker"
		is 2 "$(ls test-results/berth/runs | wc -l)" "$kind: and stay when it removes the directory and makes it anew"
		[ ! -e "$results/runs/new" ] && [ -s test-results/berth/allocated-ports.json ]; report $? "$kind: allocated-ports.json is where --results says"
	done
done
rm -rf test-results

# a place outside of the project
if [ "$kinds" != copy ]; then
	"$BERTH" run -n 2 --tree overlay --results "$top/mine" -- sh -c 'ls -A "$1" "$2"/* && rm -rf "$1"/* && echo x >"$1/file"' - "$top/mine" "$(dirname "$results")" >"$top/out" 2>"$top/err"
	lacks "$(cat "$top/out")" 'runs|allocated' "records outside of the project are behind an empty directory"
	[ -d "$top/mine/runs" ] && [ ! -e "$top/mine/file" ]; report $? "which is the worker's own"
	mkdir -p "$top/mine/runs/abcd/w1/tree" && cd "$top/mine/runs/abcd/w1/tree" || exit 1
	"$BERTH" run -n 2 --tree overlay --results "$top/mine" -- sh -c 'pwd && : >made' >"$top/out" 2>"$top/err"
	is "0 2" "$? $(grep -c "$PWD" "$top/out")" "a project below the records stays visible"
	cd "$top/project" || exit 1
fi

# what an earlier version has left in the project
mkdir -p .berth/runs/abcd; echo '*' >.berth/.gitignore; echo '{}' >.berth/runs/abcd/events.ndjson
rm -rf "$results"
"$BERTH" run -- true 2>"$top/err"
is "berth: moved the results of earlier runs from '$PWD/.berth' to '$results'" "$(cat "$top/err")" "a .berth of an earlier version is moved, with a line"
[ ! -e .berth ] && [ -e "$results/runs/abcd/events.ndjson" ] && [ ! -e "$results/.gitignore" ]; report $? "all of it"
"$BERTH" run -- true 2>"$top/err"
is '' "$(cat "$top/err")" "once"
mkdir .berth; echo notes >.berth/notes; rm -rf "$results"
"$BERTH" run -- true 2>"$top/err"
is ' notes' "$(cat "$top/err") $(cat .berth/notes)" "another directory of that name stays"
rm -r .berth

# without a home
fallback=/var/tmp/berth-state-$(id -u)
for home in '' relative /nonexistent "$top/closed"; do
	mkdir -p "$top/closed"; [ "$(id -u)" = 0 ] && chown 65533 "$top/closed" || chmod 500 "$top/closed"
	for round in 1 2; do HOME=$home XDG_STATE_HOME='' "$BERTH" run -- true 2>"$top/err$round"; done
	is "berth: HOME is not a directory of this user: results go to '$fallback/project-" "$(sed 's/\(project-\).*/\1/' "$top/err1")" "HOME='${home#"$top/"}': a place of the user's own"
	is '' "$(cat "$top/err2")" "HOME='${home#"$top/"}': and Berth says so once"
	rm -rf "$fallback"/project-"${results##*-}"
done
rmdir "$fallback" 2>/dev/null
mkdir "$top/home"
HOME=$top/home XDG_STATE_HOME=relative "$BERTH" run -- true 2>"$top/err"
is "$(basename "$results")" "$(ls "$top/home/.local/state/berth")" "a relative XDG_STATE_HOME does not count"

# projects that are gone
mkdir -p "$top/gone" "$top/young"
for name in gone young; do (cd "$top/$name" && "$BERTH" run -- true); rmdir "$top/$name"; done
touch -d '40 days ago' "$top"/state/berth/gone-*
"$BERTH" run -- true
is young "$(ls -d "$top"/state/berth/gone-* "$top"/state/berth/young-* 2>/dev/null | sed 's/.*berth.\(.*\)-.*/\1/')" "records of a project that is gone for a month are removed"
finish
