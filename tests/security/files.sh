#!/bin/sh
# SPDX-License-Identifier: MIT
# Permissions of run-time files, and attempts of other users to replace them; docs/security.md names each row.
. "$(dirname "$0")/lib.sh"

run_as nobody preload
is 700 "$(stat -c %a /tmp/berth-65534)" 'a plain user: others cannot enter the directory of run-time files'
bad=$(find /tmp/berth-65534 -mindepth 1 -not -type s -perm /077)
is '' "$bad" 'a plain user: other users have no rights to its files'
end_run nobody

for backend in preload seccomp; do
	run_as root "$backend"
	is 711 "$(stat -c %a /tmp/berth-0)" "root, $backend: others cannot list the runs"
	bad=$(find /tmp/berth-0 -type d -perm /066)
	is '' "$bad" "root, $backend: nor the files of a run"
	bad=$(find /tmp/berth-0 -type f -perm /077 -not -name 'w1-????????????????????????????????.map')
	is '' "$bad" "root, $backend: a file for other users of a worker has a name with 128 random bits; the others belong to root only"
	fifo=$(find /tmp/berth-0 -type p)
	case "$(stat -c %a "$fifo") ${fifo##*/}" in "622 mark-"????????????????????????????????) ok=0 ;; *) ok=1 ;; esac
	report $ok "root, $backend: the FIFO for marks has such a name, too, and other users cannot read it"
	for file in /tmp/berth-0 /tmp/berth-0/*/ /tmp/berth-0/*/state.json; do
		if nobody sh -c 'ls "$1" && cat "$1"' - "$file" >/dev/null 2>&1; then ok=1; else ok=0; fi
		report $ok "root, $backend: others cannot read the $(stat -c %F "$file"), mode $(stat -c %a "$file")"
	done
	end_run root
done

# Working trees, copies and TMPDIRs of root: only the run and its workers can reach them, also a
# worker that gave up root
cat >"$work/root/tree.sh" <<'E'
as='setpriv --reuid nobody --regid nogroup --clear-groups'
mkdir -m 777 open && echo "of $BERTH_WORKER" >open/file && chmod 666 open/file
$as sh -c 'echo more >>"$PWD/open/file" && cd / && cat "$0/open/file" && : >"${TMPDIR:-/tmp}/of-nobody"' "$PWD" >seen || : >failed
cp seen "$1/seen-$BERTH_WORKER"
: >"$1/here-$BERTH_WORKER"
until [ -e "$1/go" ]; do sleep 0.05; done
[ ! -e failed ]
E
chmod 755 "$work" "$work/root" "$work/root/tree.sh"
mkdir "$work/record" "$work/cp"
# shellcheck disable=SC2016
printf '#!/bin/sh\necho "$*" >>%s/record/cp\nexec /bin/cp "$@"\n' "$work" >"$work/cp/cp"
chmod 755 "$work/cp/cp"
for tree in overlay copy; do
	rm -f "$work/record"/*
	(cd "$work/root" && PATH=$work/cp:$PATH exec "$BERTH" run -n 2 --tree $tree --share-paths "$work/record" -- sh tree.sh "$work/record") >"$work/said" 2>&1 &
	pid=$! tries=400
	until [ -e "$work/record/here-1" ] && [ -e "$work/record/here-2" ] || [ $tries = 0 ]; do sleep 0.05; tries=$((tries - 1)); done
	is 711 "$(stat -c %a /tmp/berth-trees-0)" "$tree: others cannot list the directories of working trees"
	dir=$(echo /tmp/berth-trees-0/*)
	case $tree,$(stat -c %a "$dir"),$dir in
	overlay,700,* | copy,711,*-"$pid"-????????????????????????????????) ok=0 ;;
	*) ok=1 ;;
	esac
	report $ok "$tree: others cannot enter that of a run, or cannot guess its name"
	is '' "$(grep -s berth-trees "$work/record/cp")" "$tree: the command line of cp does not show it"
	: >"$work/record/go"
	wait "$pid"
	is "0 of 1 more of 2 more" "$? $(cat "$work/record"/seen-* | tr '\n' ' ' | sed 's/ $//')" "$tree: a worker that gave up root reaches its own tree by its path, and a directory for temporary files"
done
rm -r "$work/record" "$work/cp"

# A suite that gave up root can still mark its tests
cat >"$work/root/drop.sh" <<'E'
as='setpriv --reuid nobody --regid nogroup --clear-groups'
$as "$BERTH_BIN" mark 'after the change' && ! $as test -r "$BERTH_MARK"
E
said=$(cd "$work/root" && BERTH_BIN=$BERTH "$BERTH" run --tree shared -n 2 -- sh drop.sh 2>&1)
is 0 $? 'a worker that gave up root may mark its tests, and not read the marks of others'
is 2 "$(cat "$HOME"/.local/state/berth/root-*/runs/*/events.ndjson | grep -c 'after the change')" 'the run receives them'

# Another user has been there first
taken() { # SENTENCE: a run of user nobody is refused and writes nothing
	said=$(nobody "$BERTH" run --tree shared -- true 2>&1)
	is '125 unable to make' "$? $(printf '%s' "$said" | sed -n 's/^berth: \(unable to make\).*/\1/p')" "$1"
	is '' "$(find -L /tmp/berth-65534 /tmp/else -mindepth 1 2>/dev/null)" '... and nothing is written there'
	rm -rf /tmp/berth-65534 /tmp/else
}
rm -rf /tmp/berth-65534
mkdir -m 777 /tmp/berth-65534
taken 'a directory of another user in its place is refused'
mkdir /tmp/else; chown nobody /tmp/else; ln -s /tmp/else /tmp/berth-65534
taken 'a symbolic link in its place is refused, also to a directory of ours'
mkdir /tmp/berth-65534; chown nobody /tmp/berth-65534; chmod 777 /tmp/berth-65534
taken 'a directory of ours that others can write to is refused'
: >/tmp/berth-65534; chown nobody /tmp/berth-65534
taken 'a file in its place is refused'
mkdir -m 777 /tmp/berth-trees-65534
said=$(nobody "$BERTH" run -n 2 --tree overlay -- true 2>&1)
is "125 " "$? $(find /tmp/berth-trees-65534 -mindepth 1)" 'so is another user'\''s directory in place of that of working trees'
rm -rf /tmp/berth-trees-65534

# Files that another user puts into a directory that everyone may write to are not part of the project
mkdir -m 1777 "$work/shared"
mkdir "$work/shared/mine" "$work/shared/.git"
chown 65533 "$work/shared/.git"
printf 'hook: "touch %s/called"\nfinal: nonsense\n' "$work" >"$work/shared/berth.yaml"
chown 65533 "$work/shared/berth.yaml"
echo DATABASE_URL=postgresql://u:p@planted.example:5432/d >"$work/shared/.env"
chown 65533 "$work/shared/.env"
for user in root nobody; do
	if [ $user = root ]; then as=; else as=nobody; fi
	install -d -o $user "$work/$user-home"
	chown $user "$work/shared/mine"
	# shellcheck disable=SC2086
	said=$(XDG_STATE_HOME=$work/$user-home/.local/state $as sh -c 'cd "$1" && exec "$2" run --tree shared -- true' - "$work/shared/mine" "$BERTH" 2>&1)
	is "0 $work/shared/mine" "$? $(cat "$work"/"$user"-home/.local/state/berth/*/project)" "$user: a .git or a berth.yaml in a parent directory is not used"
	case $said in *"'$work/shared/"*"' is not read"*) ok=0 ;; *) ok=1 ;; esac
	report $ok '... and the message says so' "$said"
	mv "$work/shared/berth.yaml" "$work/"
	# shellcheck disable=SC2086
	said=$($as sh -c 'cd "$1" && exec "$2" run --tree shared --db planted -- true' - "$work/shared" "$BERTH" 2>&1)
	case $said in *planted.example*) ok=1 ;; *) ok=0 ;; esac
	report $ok "$user: a .env there is not used" "$said"
	install -d -o 65533 -m 777 "$work/shared/results"
	# shellcheck disable=SC2086
	said=$($as sh -c 'cd "$1" && exec "$2" run --results results --tree shared -- true' - "$work/shared" "$BERTH" 2>&1)
	is "125 " "$? $(ls -A "$work/shared/results")" "$user: results are not written there"
	rm -rf "$work/shared/results"
	mv "$work/berth.yaml" "$work/shared/"
done
mkdir "$work/nobody/r"
said=$(nobody "$BERTH" run --results r --tree shared -- true 2>&1)
is 125 $? 'results are not written to a directory of root'
case $said in *"unable to write to the results directory '$work/nobody/r'"*'sudo chown -R'*) ok=0 ;; *) ok=1 ;; esac
report $ok 'the message says what to do' "$said"
rm -r "$work/nobody/r"

# The records of a run are for its user alone
for user in root nobody; do
	where=$work/$user as=
	[ $user = root ] || as=nobody
	# shellcheck disable=SC2086
	(cd "$where" && $as "$BERTH" run --tree shared -n 2 -- sh -c 'echo a secret' >/dev/null 2>&1)
	found=$(setpriv --reuid 65533 --regid 65533 --clear-groups find "$work"/home "$work"/nobody/.local -name '*.log' 2>/dev/null)
	is '' "$found" "$user: another user finds no record"
done

# The path of the shim is absolute, and no other user can change it
chmod o+w "$work/lib/berth/libberth.so"
said=$("$BERTH" run --backend preload --tree shared -- true 2>&1)
is 125 $? 'a shim that everybody can write is not loaded'
case $said in *'all users can write it'*) ok=0 ;; *) ok=1 ;; esac
report $ok 'and the message says so' "$said"
chmod o-w "$work/lib/berth/libberth.so"
for user in root nobody; do
	where=$work/$user
	if [ $user = root ]; then as=; else as=nobody; fi
	# shellcheck disable=SC2016
	path=$(cd "$where" && $as "$BERTH" run --backend preload --tree shared -- sh -c 'echo "$LD_PRELOAD"' 2>/dev/null)
	case $path in /*) ok=0 ;; *) ok=1 ;; esac
	report $ok "$user: LD_PRELOAD is an absolute path" "$path"
	bad='' dir=$path
	while [ "$dir" != / ] && [ -n "$dir" ]; do
		mode=$(stat -L -c '%a' "$dir")
		case $mode in 1777) ;; *[2367]? | *[2367]) bad="$bad $dir" ;; esac
		dir=${dir%/*}
	done
	is '' "$bad" "$user: no component of it is writable by others"
done
finish
