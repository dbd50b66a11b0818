#!/bin/bash
# SPDX-License-Identifier: MIT
# When the setup command runs: again after a change of what it depends on, not for a copy of the
# project elsewhere, and in every run if nothing is known of what it depends on.
. "$(dirname "$0")/lib.sh"
. tests/db/project.sh
mkdir -p one/db
cd one
echo '{"scripts": {"db:migrate": "sh db/migrate.sh"}}' >package.json
cat >db/migrate.sh <<SETUP
echo ran >>$work/count
psql -q "\$1" -c 'create table items(id int)'
SETUP
chmod 755 . db
template() { # template COMMAND: what the run says of the template
	: >"$work/count"
	chmod 666 "$work/count"
	timeout 60 "$berth" run -v --tree shared --setup "$1" -- true 2>&1 |
		sed -n 's/^\[#\] database template: //p' | tr '\n' ' '
	grep -c ran "$work/count" || true
}
yaml() { # yaml MORE: berth.yaml
	printf 'databases: [{url: "%s"%s}]\ndb-mode: %s\n' "$1" "$2" $mode >berth.yaml
}
for mode in private rename; do
	own=$url; [ $mode = private ] || own=$shurl
	yaml "$own" ''
	setup="npm run --silent db:migrate $own"
	command -v npm >/dev/null || setup="sh db/migrate.sh $own"
	same "$mode: the first run makes the template" "built, key of 2 files 1" "$(template "$setup")"
	same "$mode: the second takes it" "from cache, key of 2 files 0" "$(template "$setup")"
	echo 'create table more(id int)' >db/more.sql
	same "$mode: another migration makes another" "built, key of 3 files 1" "$(template "$setup")"
	cp -r . ../two
	same "$mode: a copy of the project takes it" "from cache, key of 3 files 0" \
		"$(cd ../two && template "$setup")"
	rm -r db/more.sql ../two
	mkdir ../bare
	cp berth.yaml ../bare
	for i in 1 2; do
		same "$mode: a setup of unknown inputs runs in every run, $i" \
			'built for this run only, as no input of the setup is known 1' \
			"$(cd ../bare && template "cd '$work'; echo ran >>count")"
	done
	rm -r ../bare
done
yaml "$url" ', inputs: ["db/*.sh"]'
echo "setup: make db" >>berth.yaml
same 'berth check lists what is hashed' '["db/migrate.sh"]' "$("$berth" check --json | jq -c .inputs)"
printf 'databases: [x]\nsetup: "true"\n' >berth.yaml
rm -r db package.json
ok 'or that nothing is known' grep -q 'no file is known' <("$berth" check)
finish
