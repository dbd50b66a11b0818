# SPDX-License-Identifier: MIT
# Sourced by the scripts beside it: an oracle prints what it did, the driver prints what the monitor
# found, and both must be the same.
set -u
out=${BERTH_OUT:-$(cd "$(dirname "$0")/../.." && pwd)/.out}
driver=$out/tests/bpf/driver oracle=$out/tests/bpf/oracle
work=$(mktemp -d) number=0
trap 'rm -rf "$work"' EXIT
say() { number=$((number + 1)); echo "$1 $number - $2"; }

# compare NAME TRUTH RESULT WORKER: findings by kind and port, and by count and severity where the
# oracle names them; counts by name.
compare() {
	jq -c '[.findings[] | {kind, port: (.port // 0)}
		+ (if .count then {count} else {} end)
		+ (if .severity then {severity} else {} end)] | sort' "$2" >"$work/want"
	jq -c --slurpfile truth "$2" '[.findings[] as $f
		| ($truth[0].findings | map(select(.kind == $f.kind)) | .[0] // {count: 1}) as $t
		| {kind: $f.kind, port: (if $f.kind == "error_rate" then 0 else $f.port // 0 end)}
		+ (if $t.count then {count: $f.count} else {} end)
		+ (if $t.severity then {severity: $f.severity} else {} end)] | sort' "$3" >"$work/got"
	jq -r 'del(.findings) | to_entries[] | "\(.key) \(.value)"' "$2" | sort >"$work/want_counts"
	jq -r --slurpfile truth "$2" --argjson worker "$4" '.workers[$worker - 1] as $w
		| $truth[0] | del(.findings) | keys[] | "\(.) \($w[.])"' "$3" | sort >"$work/got_counts"
	bad=$(jq -r '[.workers[] | select(.unaccounted != 0 or .lost_events != 0
		or .lost_sockets != 0)] | length' "$3")
	if cmp -s "$work/want" "$work/got" && cmp -s "$work/want_counts" "$work/got_counts" &&
		[ "$bad" = 0 ]; then
		say ok "$1"
	else
		say 'not ok' "$1"
		{
			echo want; cat "$work/want" "$work/want_counts"
			echo got; cat "$work/got" "$work/got_counts"
			echo "unaccounted: $bad"
		} | sed 's/^/# /'
	fi
}

# try SENTENCE WORKERS PROGRAM NAME [PORT]: run the oracle under the eBPF monitor and compare.
try() {
	sentence=$1 workers=$2 program=$3
	shift 3
	timeout 120 "$driver" -n "$workers" -s ebpf -- "$program" "$@" >"$work/all" 2>"$work/err"
	status=$?
	if [ $status -eq 77 ]; then
		say ok "$sentence # SKIP $(cat "$work/err")"
		return
	fi
	grep '^{"findings"' "$work/all" | tail -n 1 >"$work/truth"
	grep -v '^{"findings"' "$work/all" >"$work/result"
	if [ $status -eq 0 ] &&
		jq -e '.workers[0].status == 77 * 256' "$work/result" >/dev/null; then
		say ok "$sentence # SKIP this kernel cannot do it"
		return
	fi
	if [ $status -ne 0 ] || [ ! -s "$work/truth" ] || [ ! -s "$work/result" ]; then
		say 'not ok' "$sentence"
		sed 's/^/# /' "$work/err"
		return
	fi
	compare "$sentence" "$work/truth" "$work/result" "${on:-1}"
}

# holds SENTENCE FILE EXPRESSION: the jq expression is true for the result in FILE.
holds() {
	if jq -e "$3" "$2" >/dev/null; then
		say ok "$1"
	else
		say 'not ok' "$1"
		sed 's/^/# /' "$2"
	fi
}

# The user that an unprivileged sample runs as; empty if this is no root.
as_nobody=
[ "$(id -u)" != 0 ] || as_nobody='setpriv --reuid 65534 --regid 65534 --clear-groups'
