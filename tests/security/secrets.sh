#!/bin/sh
# SPDX-License-Identifier: MIT
# A password in berth.yaml or on the command line does not appear in a process list, a log, a report or a file.
. "$(dirname "$0")/lib.sh"
secret=Hunter2-$$-Secret

# look WHERE: search processes and files while a run lives
look() {
	shown=''
	for file in /proc/[0-9]*/cmdline; do
		grep -aqsF "$secret" "$file" && shown="$shown $file: $(tr '\0' ' ' <"$file" | cut -c1-150)"
	done
	is '' "$shown" "$1: no process shows it in its arguments"
	shown=''
	for file in /proc/[0-9]*/environ; do
		grep -aqsF "$secret" "$file" && shown="$shown $file"
	done
	is '' "$shown" "$1: none in its environment"
	is '' "$(grep -rlF "$secret" /tmp "$work/nobody" 2>/dev/null | grep -v '/berth.yaml$')" "$1: no file holds it while the run lives"
}
after() {
	end_run nobody
	report $? "$1: the run passes" "$(cat "$work/said")"
	is '' "$(grep -F "$secret" "$work/said")" "$1: it was not printed"
	is '' "$(grep -rlF "$secret" /tmp "$work/nobody" 2>/dev/null | grep -v '/berth.yaml$')" "$1: no file holds it afterwards"
}
url=postgresql://mes_user:$secret@localhost:5432/mes_e2e_db
cat >"$work/nobody/berth.yaml" <<END
databases:
  - $url
results: out
json: out/report.json
junit: out/report.xml
html: out/report.html
trace: out/trace.json
END
run_as nobody preload
look berth.yaml
after berth.yaml
rm "$work/nobody/berth.yaml"
# shellcheck disable=SC2034 # what run_as hands to berth run
more="-v --db $url"
run_as nobody preload
look typed
after typed
# as a word of the suite's command, which removes it, and of a leftover process
cat >"$work/wrap" <<'END'
#!/bin/bash
(exec -a "client $1" sleep 30) &
shift 2
exec "$@"
END
chmod 755 "$work/wrap"
more="--results out --html out/report.html --json out/report.json -- $work/wrap $url"
run_as nobody preload
is '' "$(grep -aF "$secret" "/proc/$pid/cmdline")" "of the command: the supervisor does not show it"
after "of the command"
[ -s "$work/nobody/out/report.html" ]; report $? "and there is a report"
finish
