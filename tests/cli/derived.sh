#!/bin/sh
# What derives from the tables: completions work, the man pages name every option and key.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

berth completions bash
printf '%s\n' "$out" >berth.bash
complete_bash() {	# WORD...: print what is offered for the last word
	bash --norc -c '. ./berth.bash
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_berth
		echo "${COMPREPLY[*]}"' x "$@"
}
same 'bash completes verbs' 'run report reap recover' "$(complete_bash berth r)"
same 'bash completes options' '--fail-fast' "$(complete_bash berth run --fa)"
same 'bash completes names' 'shared' "$(complete_bash berth run --tree sh)"
same 'bash keeps the options of verbs apart' '' "$(complete_bash berth ps --fa)"
same 'bash completes words of a verb' 'quick full database performance network' "$(complete_bash berth doctor '')"
same 'the first word of an alternative' 'reset' "$(complete_bash berth db re)"
same 'the names of verbs' 'recover' "$(complete_bash berth help reco)"
same 'nothing where a name of yours belongs' '' "$(complete_bash berth mark '')$(complete_bash berth db drop '')"
has 'files where a file belongs' 'berth.bash' "$(complete_bash berth check '')"
has 'and commands where a command belongs' 'mkfifo' "$(complete_bash berth run mkf) $(complete_bash berth explain mkf)"
mkdir bin
ln -s "$BERTH" bin/berth
PATH=$PWD/bin:$PATH
cat >berth.yaml <<'E2'
profiles:
  nightly: {workers: 2}
  "$(touch expanded)": {workers: 2}
E2
same 'bash completes profiles, and expands none' nightly "$(complete_bash berth run --profile '')$(find expanded 2>/dev/null)"
rm berth.yaml
: >ids; : >offered
"$BERTH" run -n 2 --share-paths ids,offered -- sh -c '"$BERTH" ps --json | jq -r ".[].run" | sort >ids; "$BERTH" completions runs | sort >offered' >/dev/null 2>&1
same 'live runs are offered' "$(cat ids)" "$(cat offered)"
same 'bash completes recorded runs' "$(cat ids)" "$(complete_bash berth report '' )"
"$BERTH" completions zsh >berth.zsh
has 'zsh knows the words of a verb' "'1:argument:(bash zsh fish)'" "$(cat berth.zsh)"
"$BERTH" completions fish >berth.fish
if command -v zsh >/dev/null; then
	same 'zsh loads its completions' _berth \
		"$(zsh -fc 'autoload -U compinit; compinit -D
			. ./berth.zsh; print ${_comps[berth]}' 2>&1)"
else
	skip 'zsh loads its completions' 'no zsh'
fi
if command -v fish >/dev/null; then
	fish_offers() {
		fish --no-config -c '. ./berth.fish; complete -C $argv[1]' "$1" 2>&1 | cut -f1 |
			grep -v / | tr '\n' ' '
	}
	same 'fish completes verbs' 'explain ' "$(fish_offers 'berth exp')"
	# fish 4 also offers words that have the typed text inside
	same 'fish completes options' '--fail-fast' \
		"$(fish_offers 'berth run --fa' | tr ' ' '\n' | grep '^--fa')"
	same 'fish completes words of a verb' 'bash fish zsh ' "$(fish_offers 'berth completions ')"
	same 'fish completes names' 'auto copy overlay shared ' "$(fish_offers 'berth run --tree ')"
else
	skip 'fish completes' 'no fish'
fi

"$BERTH" help --schema >schema
keys_of_help() {
	"$BERTH" help berth.yaml | sed -n '/^databases/q; s/^  \([a-z][a-z-]*\)  .*/\1/p'
}
same 'the JSON Schema has every key of berth.yaml' \
	"$({ keys_of_help; printf '%s\n' alarm allow databases profiles up; } | sort)" \
	"$(jq -r '.properties | keys[]' schema | sort)"
same 'and its limits' '[1,256,"array"]' \
	"$(jq -c '.properties | [.workers.minimum, .workers.maximum, .port.anyOf[1].type]' schema)"

printf '@verbs@\n@options@\n' | "$BERTH" help --template >page
printf '@keys@\n@databases@\n@allow@\n@alarm@\n@environment@\n' | "$BERTH" help --template >keys
for verb in $("$BERTH" help | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'); do
	has "the manual has verb $verb" "*berth $verb* " "$(cat page)"
	for option in $("$BERTH" help "$verb" --all | grep -oE '^ +(-., )?--[a-z-]+' |
		grep -oE -e '--[a-z-]+'); do
		grep -qF -e "*$option*" page || { report 1 "the manual has $option"; continue; }
	done
done
for key in $("$BERTH" help berth.yaml | sed -n 's/^  \([a-z][a-z-]*\)  .*/\1/p'); do
	[ "$key" = berth ] || grep -q "^\*$key\*: " keys || report 1 "the manual has key $key"
done
has 'the manual has the environment' '*BERTH\_WORKER*' "$(cat keys)"
if command -v scdoc >/dev/null; then
	for page in berth.1 berth.yaml.5; do
		"$BERTH" help --template <"$here/../../docs/$page.scd.in" |
			scdoc >"$page" 2>"$work/err"
		same "scdoc reads $page" '0 ' "$? $(cat "$work/err")"
		same "$page is filled in" '' "$(grep '^@' "$page")"
	done
fi
finish
