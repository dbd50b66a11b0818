#!/bin/sh
# SPDX-License-Identifier: MIT
# scripts/ci: the GitHub Action and the GitLab template, run with the environment of those systems,
# install the archive, run two workers and remove what a dead run has left.
. "$(dirname "$0")/lib.sh"

if ! makes_archives || ! command -v node >/dev/null; then
	echo '1..0 # SKIP an archive is made of the plain build on Debian 12 only, and node is needed'
	exit 77
fi
make -s -C "$top" dist >"$work/log" 2>&1 || report 1 'make dist' "$work/log"
archive=$(echo "$top"/.out/dist/berth-*.tar.gz)
sum=$(sha256sum "$archive" | cut -d ' ' -f 1)
mkdir "$work/project" "$work/met" "$work/temp"
cd "$work/project" || exit 1

# github VARIABLE=VALUE...: one step of the action
action=$top/scripts/ci/github
: >"$work/path"; : >"$work/output"; : >"$work/state.txt"; : >"$work/summary"
github() {
	rm -f "$work"/met/*
	env CI=true GITHUB_ACTIONS=true RUNNER_TEMP="$work/temp" GITHUB_PATH="$work/path" GITHUB_OUTPUT="$work/output" \
		GITHUB_STATE="$work/state.txt" GITHUB_STEP_SUMMARY="$work/summary" INPUT_ARCHIVE="$archive" "$@" \
		node "$action/main.cjs" >"$work/log" 2>&1
}
github INPUT_SHA256="$sum" INPUT_OPTIONS='-n 2 --tree shared' INPUT_COMMAND="python3 '$work/suite' '$work/met'"
report $? 'GitHub: the action installs and runs two workers' "$work/log"
bin=$(cat "$work/path")
[ -x "$bin/berth" ] && [ "path=$bin" = "$(cat "$work/output")" ]
report $? 'GitHub: later steps find the command' "$work/log"
grep -q . "$work/summary"
report $? 'GitHub: the step has a summary'
github INPUT_COMMAND='sh -c "exit 3"'
[ $? = 3 ]
report $? 'GitHub: the step fails as the suite does' "$work/log"
github INPUT_SHA256=0000
[ $? = 125 ] && grep -q "^::error::unable to install Berth: .* has the sum $sum" "$work/log"
report $? 'GitHub: another archive is refused' "$work/log"
github STATE_bin="$bin"
report $? 'GitHub: the post step' "$work/log"
python3 - "$action" <<'PY' >"$work/log" 2>&1
import os, sys, yaml
action = yaml.safe_load(open(sys.argv[1] + "/action.yml"))
assert all(os.path.exists(os.path.join(sys.argv[1], action["runs"][step])) for step in ("main", "post"))
PY
report $? 'GitHub: action.yml names its files' "$work/log"

python3 - "$top/scripts/ci/gitlab.yml" >"$work/job" 2>"$work/log" <<'PY'
import sys, yaml
job = yaml.safe_load(open(sys.argv[1]))[".berth"]
print("set -e", *job["before_script"], 'berth run -n 2 --tree shared --junit junit.xml --gitlab quality.json -- '
      'python3 "$SUITE" "$MET"', *job["after_script"], sep="\n")
PY
rm -f "$work"/met/*
env CI=true GITLAB_CI=true CI_PROJECT_DIR="$work/project" BERTH_ARCHIVE="$archive" BERTH_SHA256="$sum" SUITE="$work/suite" \
	MET="$work/met" sh "$work/job" >>"$work/log" 2>&1 && [ -s junit.xml ] && [ -s quality.json ]
report $? 'GitLab: the template installs, two workers run, reports are there' "$work/log"
finish
