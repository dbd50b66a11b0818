#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/ci.md: every command line is one that berth takes, every piece of YAML is YAML, and the jobs of each system are
# carried out as it would do it (ci_jobs.py).
here=$(cd "$(dirname "$0")" && pwd)
BERTH=${BERTH:-$here/../../.out/bin/berth}
. "$here/../tap.sh"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
# a command may go on in the next line
awk '/berth run -/ {
	line = $0
	while (line !~ / -- [^\\]/ && (getline next_line) > 0) {
		sub(/ *\\?$/, "", line)
		sub(/^ */, " ", next_line)
		line = line next_line
	}
	print line
}' "$here/../../docs/ci.md" | grep -o 'berth run .* -- .*' >lines
[ "$(wc -l <lines)" -ge 4 ]; report $? 'there are command lines'
mkdir e2e && touch e2e/a.spec.js && echo '5 e2e/a.spec.js' >e2e/times
while read -r _ _ rest; do
	sh -c "export BERTH_SHARD=1/4 JOB_COMPLETION_INDEX=1; exec '$BERTH' run --dry-run $(printf %s "$rest" | sed 's/\${{[^}]*}}/1/g')" >out 2>&1
	report $? "berth run $rest" out
done <lines
python3 - "$here/../../docs/ci.md" <<'PY' >out 2>&1
import re, sys, textwrap, yaml
blocks = re.findall(r"(?:^    .*\n|^\n)+", open(sys.argv[1]).read(), re.M)
found = [yaml.safe_load(textwrap.dedent(block)) for block in blocks if re.search(r"^    (#|\w+:)", block, re.M) and "berth run -n" not in block]
assert sum(isinstance(one, dict) for one in found) == 5, found
open("berth.yaml", "w").write(yaml.dump(found[0]))
PY
report $? 'each piece of YAML is a mapping' out
/usr/bin/python3 "$here/ci_jobs.py" "$here/../../docs/ci.md" "$BERTH" >jobs 2>out || cat out >>jobs
while IFS= read -r line; do
	case $line in
	'ok '*) report 0 "${line#ok }" ;;
	*) report 1 "$line" ;;
	esac
done <jobs
"$BERTH" check >out 2>&1; report $? 'the profile is valid' out
finish
