#!/bin/sh
# Thresholds of errors, and the command that is run when one is crossed or something else is found.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

cat >leak.sh <<'E2'
sleep 30 & # nobody ends it
E2
# shellcheck disable=SC2016
hook='{ echo "$BERTH_FINDING $BERTH_SEVERITY ${BERTH_WORKER:+worker} ${BERTH_RUN:+run}: $BERTH_DETAIL"; cat; } >>told; echo heard'
berth run -n 2 --tree shared --hook "$hook" -- sh leak.sh
same 'a hook changes nothing in the run' 0 "$status"
same 'it is called once for a problem that two workers have' 1 "$(grep -c '"kind"' told)"
has 'with variables' 'leaked_process error worker run: process ' "$(cat told)"
same 'and with the finding as JSON' '["leaked_process","leaks"]' "$(sed -n '/^{/p' told | jq -c '[.kind, .gate]')"
has 'what it prints goes to stderr' heard "$err"
rm told
printf '%s\n' "$(jq -r '.[0].fingerprint' $results/runs/*/findings.json) known" >berth.baseline
berth run -n 2 --tree shared --hook "$hook" -- sh leak.sh
same 'what the baseline knows is no reason' no "$([ -e told ] && echo yes || echo no)"
rm berth.baseline
berth run -n 2 --tree shared --hook 'exit 3' -- sh leak.sh
same 'a hook that fails does not fail the run' 0 "$status"
has 'the failure is reported' 'the hook failed for 1 of 1 findings' "$err"
if [ -z "${QUICK-}" ]; then
	berth run -n 2 --tree shared --hook 'sleep 100' -- sh leak.sh
	has 'a hook that hangs is killed' 'the hook was killed 1 times: it took longer than 10 s' "$err"
fi

# refused.py TIMES [FILE]: so many connects are refused; with FILE it waits until that exists
cat >refused.py <<'E2'
import os, socket, sys, time
for turn in range(int(sys.argv[1])):
    client = socket.socket()
    client.connect_ex(("127.0.0.1", 3176))
    client.close()
end = time.monotonic() + 20
while len(sys.argv) > 2 and not os.path.exists(sys.argv[2]):
    if time.monotonic() > end:
        sys.exit("nobody told")
    time.sleep(0.05)
E2
cat >berth.yaml <<'E2'
alarm:
  - {error: ECONNREFUSED, rate: 10%, count: 8}
hook: jq -r .detail >told.new; mv told.new told
E2
berth run -n 2 --tree shared --port 3176 -- python3 refused.py 9 told
if [ "$(grep -h '"type": *"run"' $results/runs/*/events.ndjson | tail -n 1 | jq -r '.source | test("^eBPF")')" = true ]; then
	same 'a rate that is too high is reported while the worker runs' 0 "$status"
	has 'with the numbers' '9 calls failed with ECONNREFUSED, beside 0 connections' "$(cat told)"
	has 'and named in the summary' 'w1 w2: many failing calls: 9 calls failed with ECONNREFUSED' "$err"
	rm told
	berth run -n 2 --tree shared --port 3176 -- python3 refused.py 7
	same 'below it there is nothing to tell' no "$([ -e told ] && echo yes || echo no)"
else
	skip 'a rate that is too high is reported while the worker runs' 'needs eBPF'
fi
printf 'alarm:\n  - rate: 5%%\n' >berth.yaml
berth check
has 'an alarm without its error is a mistake' 'berth.yaml:2: alarm[0]: an alarm needs error' "$err"
printf 'alarm:\n  - {error: EPIPE, rate: often}\n' >berth.yaml
berth check
has 'so is a rate that is none' "alarm[0].rate: expected a percentage such as 5% or 0.5%, got 'often'" "$err"
finish
