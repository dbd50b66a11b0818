#!/bin/bash
# SPDX-License-Identifier: MIT
# Tasks on a shared server: tasks that need many connections run one after the other, tasks that need
# few run beside them.
. "$(dirname "$0")/lib.sh"
. tests/db/project.sh
server_down; server_up -c max_connections=40 -c superuser_reserved_connections=4
printf 'databases: ["postgresql://mes_user:mes_password@localhost:%s/mes_e2e_db"]\ndb-mode: rename\ntree: shared\n' "$sport" >berth.yaml
export PGPASSWORD=mes_password
echo 18 >big.pool; echo 18 >large.pool; echo 2 >small.pool
tasks() { # tasks SLOTS TASK,...
	status=0
	timeout 60 "$berth" run -j "$1" --each "$2" -- sh -c "python3 '$hold' $sport \$(cat {task}.pool) 1" >"$work/said" 2>"$work/errors" || status=$?
	events=$(ls -td $results/runs/*/ | head -n 1)events.ndjson
}
# overlap A B: whether the two ran at the same time
overlap() {
	jq -s --arg a "$1" --arg b "$2" '(map(select(.type == "worker_started") | {(.task): .worker}) | add) as $number
		| def span($task): [.[] | select(.worker == $number[$task] and (.type | test("^worker_"))) | .time_ms];
		span($a) as $x | span($b) as $y | $x[0] < $y[1] and $y[0] < $x[1]' "$events"
}

tasks 1 big,large,small
same 'one after the other, each task leaves behind how many connections it had' '0 2 18 18' \
	"$status $(jq -r 'select(.event == "database_connections") | .detail' "$events" | sort -n | tr '\n' ' ' | sed 's/ $//')"
tasks 3 big,large,small
same 'together they need more than the server has, and all pass' 0 "$status"
same 'because the two that need many did not run at once' false "$(overlap big large)"
same 'while the small one ran beside one of them' true "$([ "$(overlap big small)$(overlap large small)" = falsefalse ] && echo false || echo true)"
same 'with one message' 1 "$(grep -c '^berth: tasks wait for each other: the database server has 3[0-9] connections left' "$work/errors")"
echo 2 >new.pool
tasks 2 new,small
same 'a task that is new is taken for the largest' '0 true' "$status $(overlap new small)"
server_down; server_up -c max_connections=20 -c superuser_reserved_connections=4
tasks 2 big,small
same 'one that does not fit alone is refused' '125 1' "$status $(grep -c 'too few connections are left: 1 worker at once x (18 as in earlier runs' "$work/errors")"
finish
