#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the behaviour programs of tests/shim, dynamic and static, under each backend: prints one
# table as comments, and TAP, one test per backend and build. A hole must stand in
# tests/isolate/holes, and what stands there must be a hole. QUICK=1: a tenth of the programs.
# Without FULL=1 that goes for preload: shim/preload.sh has the dynamic ones, and the static ones
# run under the seccomp filter.
set -eu
here=$(cd "$(dirname "$0")" && pwd) root=$(cd "$here/../.." && pwd)
out=${BERTH_OUT:-$root/.out} driver=$out/tests/isolate/driver
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
columns="preload/dynamic preload/static seccomp/dynamic seccomp/static bpf/dynamic bpf/static"
columns=${COLUMNS_ONLY:-$columns}

programs() { # BACKEND BUILD
	dir=$out/tests/shim quick=${QUICK-}
	[ "$1" != preload ] || [ -n "${FULL-}" ] || quick=1
	[ "$2" = dynamic ] || dir=$out/tests/shim-static
	for program in "$dir"/*; do
		name=${program##*/}
		[ "${name#plugin_}" = "$name" ] && [ -f "$root/tests/shim/$name.c" ] || continue
		grep -qE '^(/\*| \*) Not a behaviour' "$root/tests/shim/$name.c" || echo "$name"
	done | awk -v quick="$quick" '!quick || NR % 10 == 1'
}
# reason BACKEND BUILD NAME: why it is a hole, nothing if it is none
reason() {
	awk -v want="$1 $2 $3" '/^#/ || !NF { next } { split(want, w); split($0, h, ": "); split(h[1], p)
		for (i = 1; i <= 3; i++) if (p[i] != w[i] && p[i] != "*") next
		print substr($0, length(h[1]) + 3); exit }' "$here/holes"
}

echo "1..$(echo $columns | wc -w)"
# in a network namespace of its own: no one outside can answer or be in the way
alone=; [ "$(id -u)" != 0 ] || alone=$root/tests/shim/alone
number=0 failed=0
for column in $columns; do
	backend=${column%/*} build=${column#*/} number=$((number + 1)) bad=''
	bin=$out/tests/shim; [ "$build" = dynamic ] || bin=$out/tests/shim-static
	if ! why=$("$driver" --backend "$backend" --probe 2>&1); then
		echo "ok $number - $column # SKIP $why"; continue
	fi
	$alone "$root/tests/shim/run" --bin "$bin" --jobs 2 \
		--with "$driver --backend $backend --udp --" $(programs "$backend" "$build") \
		>"$tmp/tap" 2>&1 || true
	while read -r result name; do
		hole=$(reason "$backend" "$build" "$name")
		echo "$name $column $result ${hole:+hole}" >>"$tmp/cells"
		[ "$result" = ok ] && [ -n "$hole" ] && [ "${hole#at times}" = "$hole" ] &&
			bad+="# $name works, but tests/isolate/holes says: $hole"$'\n'
		[ "$result" = ok ] || [ -n "$hole" ] ||
			bad+=$(grep -A 12 -e "^not ok .* - $name$" "$tmp/tap")$'\n'
	done < <(sed -nE 's/^ok [0-9]+ - ([a-z0-9_]+).*/ok \1/p; s/^not ok [0-9]+ - ([a-z0-9_]+).*/fails \1/p' "$tmp/tap")
	grep -q "$column" "$tmp/cells" || bad+="# nothing ran: $(head -n 3 "$tmp/tap")"$'\n'
	[ -z "$bad" ] && {
		echo "ok $number - every behaviour holds under $column, or is a known hole"
		continue
	}
	failed=1
	echo "not ok $number - $column"; printf '%s' "$bad" | sed 's/^[^#]/# &/'
done
awk -v columns="$columns" 'BEGIN { n = split(columns, c) }
	{ seen[$1]; cell[$1, $2] = $3 == "ok" ? "yes" : $4 == "hole" ? "hole" : "FAILS" }
	END { printf "# %-22s", "behaviour"; for (i = 1; i <= n; i++) printf "%-17s", c[i]; print ""
		for (name in seen) { printf "# %-22s", name | "sort"
			for (i = 1; i <= n; i++) printf "%-17s", cell[name, c[i]] ? cell[name, c[i]] : "-" | "sort"
			print "" | "sort" } }' "$tmp/cells"
exit $failed
