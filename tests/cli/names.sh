#!/bin/sh
# Names from outside: what a terminal obeys, and what Markdown interprets, reaches neither; long paths.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

escape=$(printf '\033') reversed=$(printf '\342\200\256')
odd="a${escape}[31mred${reversed}txt"
mkdir "$odd" && cd "$odd" || exit 1
printf 'port: 3101\n' >berth.yaml
"$BERTH" run --each "x$odd,b" --tree shared -- sh -c 'sleep 3; exit 1' >"$work/said" 2>&1 &
run=$!
tries=0
while ! "$BERTH" ps | grep -q running && [ $tries -lt 100 ]; do tries=$((tries + 1)); timeout 0.1 tail -f /dev/null; done

# unsafe: the verbs whose output has one of the two. `berth env` writes for a shell.
unsafe() {
	for words in 'ps' 'check' 'explain 3101' 'doctor quick' 'run --dry-run -n 2 true' 'leaks' 'trends' 'flaky' 'report --markdown -' \
		'report --html -' 'recover --dry-run' 'reap --dry-run' 'db list' 'who 3101'; do
		# shellcheck disable=SC2086
		berth $words
		case $out$err in *"$escape"* | *"$reversed"*) echo "$words" ;; esac
	done
}
same 'no verb prints what a terminal obeys, while a run lives' '' "$(unsafe)"
wait $run
same 'nor after it' '' "$(unsafe)"
same 'nor does the run itself' 0 "$(grep -c "$escape\|$reversed" "$work/said")"
cd .. || exit 1

name='[x](javascript:alert) ![i](http://e) <b> `c` @dana *s* _u_ ~~d~~ |'
berth run --each "$name,b" --markdown m.md -- true
same 'Markdown interprets nothing in a name' \
	'| w1 | \[x\](javascript:alert) !\[i\](http://e) &lt;b&gt; \`c\` @<!-- -->dana \*s\* \_u\_ \~\~d\~\~ \| | passed |' \
	"$(sed -n 's/ passed | .*/ passed |/; /^| w1 /p' m.md)"

long=$(printf '%0200d' 0)
for _ in 1 2 3 4 5; do mkdir "$long" && cd "$long" || exit 1; done
berth run -n 2 -- true
lacks 'a run in a long path is added to the history' history "$status $err"
berth trends
same 'and read from there' '0 1 2' "$status $(printf '%s\n' "$out" | awk '$2 == "duration" { print $1 }' | paste -sd' ')"
finish
