# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# Shared by the measurements: where things are, clocks and medians. To be sourced from the top of the checkout.
out=${BERTH_OUT:-$PWD/.out}
case $out in /*) ;; *) out=$PWD/$out ;; esac
berth=${BERTH:-$out/bin/berth}
case $berth in /*) ;; *) berth=$PWD/$berth ;; esac

# median: of the numbers on standard input, one a line
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# took COMMAND...: milliseconds that it takes; its output goes to $work/log, and its failure ends the measurement
took() {
	began=$(date +%s%N)
	"$@" >"$work/log" 2>&1 </dev/null || { echo "bench: '$*' failed:" >&2; tail -n 20 "$work/log" >&2; exit 1; }
	echo $((($(date +%s%N) - began) / 1000000))
}
