#!/bin/sh
# SPDX-License-Identifier: MIT
# What a worker of clients.sh runs: worker.sh WORK PROGRAMS CELLS. Every program in every cell HOST=SSLMODE; a line for each in
# WORK/ran.N (`program cell status`), its words in WORK/words.N. Then it stays until WORK/go.N, a pipe, lets it go: the
# databases are looked at from outside meanwhile.
work=$1
here=$(dirname "$0")
truncate -s 0 "$work/ran.$BERTH_WORKER" "$work/words.$BERTH_WORKER"
for program in $2; do
	client=$(basename "${program%.*}")
	for cell in $3; do
		export PGHOST="${cell%=*}" PGSSLMODE="${cell#*=}" LANDING="$BERTH_WORKER $client $cell"
		status=0
		timeout 120 sh "$here/run.sh" "$program" "$work" >"$work/out.$BERTH_WORKER" 2>&1 </dev/null || status=$?
		echo "$client $cell $status" >>"$work/ran.$BERTH_WORKER"
		case $status in
		0 | 77 | 78) ;;
		*) echo "exit status $status" | cat "$work/out.$BERTH_WORKER" - | sed "s#^#$client $cell: #" >>"$work/words.$BERTH_WORKER" ;;
		esac
	done
done
: >"$work/done.$BERTH_WORKER"
read -r _ <"$work/go.$BERTH_WORKER"
