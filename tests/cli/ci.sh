#!/bin/sh
# SPDX-License-Identifier: MIT
# Every command line of docs/ci.md is one that berth takes, and every piece of YAML is YAML.
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
while read -r _ _ rest; do
	sh -c "JOB_COMPLETION_INDEX=1; exec '$BERTH' run --dry-run $(printf %s "$rest" | sed 's/\${{[^}]*}}/1/g')" >out 2>&1
	report $? "berth run $rest" out
done <lines
python3 - "$here/../../docs/ci.md" <<'PY' >out 2>&1
import re, sys, textwrap, yaml
blocks = re.findall(r"(?:^    .*\n|^\n)+", open(sys.argv[1]).read(), re.M)
found = [yaml.safe_load(textwrap.dedent(block)) for block in blocks if re.search(r"^    (#|\w+:)", block, re.M) and "berth run -n" not in block]
assert sum(isinstance(one, dict) for one in found) == 4, found
open("berth.yaml", "w").write(yaml.dump(found[0]))
PY
report $? 'each piece of YAML is a mapping' out
"$BERTH" check >out 2>&1; report $? 'the profile is valid' out
finish
