#!/bin/sh
# The command line answers a mistake with two lines and exit status 125.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

complains 'no verb' 'berth: a verb is missing
hint: berth help'
complains 'an unknown verb' "berth: unknown verb 'frob'
hint: berth help" frob
complains 'a mistyped verb' "berth: unknown verb 'rnu': did you mean 'run'?
hint: berth help run" rnu
for pair in status:ps list:ps stop:down clean:reap shell:exec enter:exec; do
	complains "the word of other tools for ${pair#*:}" \
		"berth: unknown verb '${pair%:*}': did you mean '${pair#*:}'?
hint: berth help ${pair#*:}" "${pair%:*}"
done
complains 'an option before the verb' "berth: unknown option '-n': options come after the verb
hint: berth help" -n 2 run true
complains 'run without a command' 'berth: a command to run is missing
hint: berth help run' run
complains 'an unknown option' "berth: unknown option '--frobnicate' of 'berth run'
hint: berth help run" run --frobnicate true
complains 'a mistyped option' "berth: unknown option '--worker' of 'berth run': did you mean '--workers'?
hint: berth help run" run --worker 2 true
complains 'an unknown letter' "berth: unknown option '-z' of 'berth run'
hint: berth help run" run -z true
complains 'an unknown letter in a bundle' "berth: unknown option '-z' of 'berth run'
hint: berth help run" run -vz true
complains 'a flag with an argument' "berth: --strict takes no argument, got 'yes'
hint: berth help run" run --strict=yes true
complains 'an option without its argument' 'berth: --port needs an argument: PORT[-PORT],...
hint: berth help run' run --port
complains 'a letter without its argument' 'berth: -n needs an argument: N
hint: berth help run' run -n
complains 'not a number' "berth: -n: expected a number from 1 to 256, got 'many'
hint: berth help run" run -n many true
complains 'a number out of range' "berth: --workers: expected a number from 1 to 256, got '257'
hint: berth help run" run --workers=257 true
complains 'not a port' "berth: --port: expected ports from 1 to 65535 such as 3101 or 3000-3010, got '99999'
hint: berth help run" run --port 99999 true
complains 'not one of the names' "berth: --tree: expected auto, shared, overlay or copy, got 'ovrlay'
hint: berth help run" run --tree ovrlay true
complains 'not a time' "berth: --timeout: expected a time such as 90, 500ms, 5m or 2h, got 'soon'
hint: berth help run" run --timeout soon true
complains 'not a size' "berth: --mem: expected a size such as 512M or 2G, got '5Q'
hint: berth help run" run --mem 5Q true
complains 'not a range' "berth: --range: expected a range of ports such as 20000-29999, got '20000'
hint: berth help run" run --range 20000 true
complains 'an argument too many' "berth: 'berth ps' has an argument too many: 'x'
hint: berth help ps" ps x
complains 'an argument missing' "berth: 'berth explain' needs an argument: PORT|PROGRAM
hint: berth help explain" explain
complains 'an unknown shell' "berth: expected bash, zsh or fish, got 'tcsh'
hint: berth help completions" completions tcsh
complains 'help for what is not there' "berth: no help for 'rnu'
hint: berth help run" help rnu

for words in help --help -h; do
	berth "$words"
	same "berth $words exits with 0" '0 ' "$status $err"
	has "berth $words lists the verbs" '  run ' "$out"
done
berth help run
same 'help run exits with 0' '0 ' "$status $err"
has 'help run shows an option' '  -n, --workers N' "$out"
long=$(printf '%s\n' "$out" | awk 'length > 80')
same 'help fits into 80 columns' '' "$long"
lacks 'help run leaves out what few need' '--tcp-only' "$out"
has 'but says how to see all' 'berth help run --all' "$out"
berth run --help
has 'run --help is help run' 'usage: berth run' "$out"
berth run --help --all
has 'run --help --all shows every option' '--tcp-only' "$out"
complains '--all without --help' 'berth: --all is only for --help
hint: berth help run' run --all true
berth help berth.yaml
has 'help berth.yaml shows a key' '  workers' "$out"
has 'help berth.yaml shows the keys of a database' '  kind' "$out"
berth help agents
same 'help agents is docs/agents.md' "$(sed 1d "$here/../../docs/agents.md")" "$out"
same 'which has at most 120 lines' 1 "$(($(wc -l <"$here/../../docs/agents.md") <= 120))"
berth --version
has '--version says the version' 'berth 0.' "$out"
berth version --json
same 'version --json is JSON' true \
	"$(printf '%s' "$out" | jq '.backends.preload.works and has("version")')"

status=0
"$BERTH" ps --json >/dev/full 2>"$work/err" || status=$?
same 'an answer that cannot be written: exit 125, and why' \
	'125 berth: unable to write to stdout: No space left on device' \
	"$status $(cat "$work/err")"

berth run -- sh -c 'echo "$@"' x --port -n 3 --frobnicate
same "the command's own options stay its own" '--port -n 3 --frobnicate' "$out"
berth run sh -c 'echo "$@"' x -z
same 'also without --' '-z' "$out"
berth run -vn1 sh -c 'echo $BERTH_WORKERS'
same '-vn1 is -v -n 1' '0 1' "$status $out"
finish
