#!/bin/sh
# SPDX-License-Identifier: MIT
# The working tree of each worker: overlay, copy, shared; private /tmp and /dev/shm; what is kept,
# what is collected.
. "$(dirname "$0")/lib.sh"
echo original >file
mkdir sub
echo gone >sub/delete-me

"$BERTH" run -n 2 --tree overlay -- sh -c '
	rm -rf test-results; mkdir test-results; echo $BERTH_WORKER >test-results/report.txt
	echo mine-$BERTH_WORKER >file; rm sub/delete-me
	echo $BERTH_WORKER >/tmp/lock; echo $BERTH_WORKER >/dev/shm/berth-test-$$
	sleep 0.1; cat file /tmp/lock test-results/report.txt; pwd; id -u' >out 2>err
is 0 $? "overlay: two workers that wipe one folder both pass"
me=$(id -u)
is "mine-1 1 1 $PWD $me" "$(sed -n 's/^w1 | //p' out | tr '\n' ' ' | sed 's/ $//')" "each sees its own files, the same directory and the same user"
is "original gone" "$(cat file sub/delete-me | tr '\n' ' ' | sed 's/ $//')" "the project is untouched"
[ ! -e test-results ] && [ ! -e /tmp/lock ] && ! ls /dev/shm/berth-test-* >/dev/null 2>&1
report $? "nothing leaked into the project, /tmp or /dev/shm"
kept=$(echo $results/runs/*/w2/tree)
is "mine-2 2" "$(cat "$kept/file" "$kept/test-results/report.txt" | tr '\n' ' ' | sed 's/ $//')" "what a worker changed is kept"
is "sub/delete-me" "$(cat "$kept.deleted")" "what it deleted is listed"
is "" "$(grep "$top" /proc/self/mountinfo)" "no mount is left"
if [ "$me" = 0 ]; then
	lacks "$(cat err)" 'user namespace' "root needs no user namespace"
else
	has "$(cat err)" '^berth: user namespace: no sudo or setuid without --tree shared --processes shared$' "Berth prints what a user namespace costs"
fi

rm -rf $results/runs
"$BERTH" run -n 2 -- sh -c 'cat file' >out 2>err
has "$(cat err)" 'tree overlay' "several workers get an overlay by themselves"
[ ! -e $results/runs/*/w1/tree ]; report $? "a worker that changed nothing leaves no tree"
"$BERTH" run -- sh -c 'echo single >file-of-one' 2>err
is single "$(cat file-of-one)" "one worker works in the project itself"

"$BERTH" run --each a,b --collect 'reports/*.xml' -- sh -c 'mkdir -p reports/deep; echo $BERTH_TASK >reports/deep/r.xml; echo x >reports/r.txt' >out 2>err
is "a b" "$(cat $results/collected/a/reports/deep/r.xml $results/collected/b/reports/deep/r.xml | tr '\n' ' ' | sed 's/ $//')" "--collect brings matching files back"
[ ! -e $results/collected/a/reports/r.txt ]; report $? "and no others"
# a disk image: data at its beginning, in its middle, a hole at its end; and one that is all hole
cat >image.sh <<'SH'
mkdir images; truncate -s 200M images/empty; truncate -s 200M images/disk
for at in 0 100; do echo data-$at | dd of=images/disk bs=1M seek=$at conv=notrunc status=none; done
cksum <images/disk >images/sum
SH
for tree in overlay copy; do
	rm -rf $results/collected
	"$BERTH" run -n 2 --tree $tree --collect 'images/*' -- sh image.sh >out 2>err
	images=$(echo $results/collected/w1/images)
	is "0 209715200 209715200 $(cat "$images/sum")" "$? $(stat -c %s "$images/empty" "$images/disk" | tr '\n' ' ')$(cksum <"$images/disk")" "$tree: sparse files are collected whole"
	[ "$(du -ck "$images/empty" "$images/disk" | tail -1 | cut -f1)" -lt 1000 ]; report $? "$tree: and stay sparse"
done
rm -r image.sh $results/collected
# a bundler that moves directories away and back; its build directory has links
mkdir -p cache/a/deep cache/b
echo old | tee cache/a/f cache/a/changed cache/a/gone cache/a/deep/f >cache/b/f
cat >rename.py <<'PY'
import os
os.rename("cache", "moved"); os.rename("moved/a", "a2"); os.rename("a2/deep", "a2/deep2")
open("a2/changed", "w").write("new"); os.unlink("a2/gone"); os.rename("moved", "cache")
os.mkdir("cache/a"); open("cache/a/own", "w").write("own"); os.rename("cache/a", "cache/a3")
os.link("a2/changed", "cache/link"); print(*sorted(os.listdir("a2")), *sorted(os.listdir("cache")))
PY
if [ "$me" = 0 ]; then
	"$BERTH" run -n 2 --collect 'a2/*' --collect 'cache/*' -- python3 rename.py >out 2>err
	is "0 w1 | changed deep2 f a3 b link" "$? $(grep w1 out)" "overlay: directories that existed before can be renamed"
	is "./a2/changed ./a2/deep2/f ./a2/f ./cache/a3/own ./cache/b/f ./cache/link" "$(cd $results/collected/w2 && echo $(find . -type f | sort))" "and are collected whole"
	is "new old 2" "$(cd $results/collected/w2 && cat a2/changed && echo " $(cat a2/deep2/f) $(stat -c %h cache/link)")" "with what the worker changed, and its links"
	is "old" "$(cat cache/a/changed)" "the project is untouched"
	rm -r $results/collected
fi
rm -r cache rename.py
mkdir precious
"$BERTH" run --each ../../precious,e2e/a.spec,.. --collect out -- sh -c 'echo $BERTH_TASK >out' >out 2>err
is "%2E. %2E.%2F..%2Fprecious e2e%2Fa.spec " "$(find $results/collected -name out | sed 's|.*/collected/\(.*\)/out$|\1|' | LC_ALL=C sort | tr "\n" " ")" \
	"a task that is called like a path has one directory there"
[ -d precious ] && [ -d $results/runs ]; report $? "and nothing is removed in its name"
rm -rf precious $results/collected

"$BERTH" run -n 2 --tree copy -- sh -c 'echo copy-$BERTH_WORKER >file; cat file; ls -A | tr "\n" " "' >out 2>err
is 0 $? "copy: two workers pass"
has "$(cat out)" 'w2 \| copy-2' "copy: each has its own"
lacks "$(cat out)" '\.berth' "copy: our results are not copied"
is original "$(cat file)" "copy: the project is untouched"
"$BERTH" run -n 2 --tree shared -- sh -c 'echo $BERTH_WORKER >>both' >out 2>err
is "1 2" "$(sort both | tr '\n' ' ' | sed 's/ $//')" "shared: both wrote the same file"

mkdir -p "a,b:c\\d e"
cd "a,b:c\\d e" || exit 1
echo odd >file
"$BERTH" run -n 2 --tree overlay -- sh -c 'cat file; echo x >file' >out 2>err
is "odd 0" "$(sed -n 's/w1 | //p' out) $?" "a project whose name has commas, colons, backslashes and blanks"
is odd "$(cat file)" "is protected as well"
cd "$top/project" || exit 1

"$BERTH" run -n 2 -- sh -c 'echo $TMPDIR; echo x >${TMPDIR:-/tmp}/f' >out 2>err
is 0 $? "a temporary directory that works"
cat >sockets.py <<'PY'
import socket, subprocess, sys, tempfile
run = subprocess.Popen([sys.argv[1], "run", "-n", "8", "--tree", "overlay", "--", "true"])
while run.poll() is None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        for i in range(20):
            socket.socket(socket.AF_UNIX).bind(f"{place}/{i}")
sys.exit(run.returncode)
PY
python3 sockets.py "$BERTH" 2>err
is 0 $? "a server outside that removes its socket while the workers begin stands in no worker's way"
"$BERTH" run -- sh -c 'echo $TMPDIR; [ -w "$TMPDIR" ] && echo x >"$TMPDIR/left"' >out 2>err
[ -s out ] && [ ! -e "$(cat out)" ]; report $? "one worker: TMPDIR is its own and is gone afterwards"
for i in 1 2 3 4 5 6 7; do "$BERTH" run -n 2 --tree overlay -- sh -c 'echo $$ >file' >out 2>err; done
is "5 5" "$(ls -d $results/runs/*/w1/tree | wc -l) $(ls -d $results/runs/*/w2/tree | wc -l)" "the trees of the last five runs are kept"
if [ "$(id -u)" = 0 ]; then # a project of the user's, but of another group, as teams have them
	mkdir -p team/dir "$top/nobody"
	chown -R nobody:root team; chmod -R 775 team; chown nobody:nogroup "$top/nobody"; chmod 755 "$top/project"
	(cd team && XDG_RUNTIME_DIR='' XDG_STATE_HOME='' HOME=$top/nobody exec setpriv --reuid nobody --regid nogroup --clear-groups "$BERTH" run -n 2 -- sh -c 'mkdir dir/$BERTH_WORKER') >out 2>err
	is "0 1 2" "$? $(echo $(ls team/dir))" "a plain user's project of another group: its workers can write"
	has "$(cat err)" "shared by all workers: '.*/team' belongs to another user or group" "and Berth prints why they share it"
	rm -rf team
fi
if [ "$(id -u)" = 0 ]; then
	mkdir -p closed/dir "$top/nobody"
	echo open >closed/open; echo x >closed/file; echo x >closed/dir/file
	chown nobody:nogroup closed "$top/nobody"; chmod 600 closed/file; chmod 700 closed/dir
	(cd closed && XDG_RUNTIME_DIR='' XDG_STATE_HOME='' HOME=$top/nobody exec setpriv --reuid nobody --regid nogroup --clear-groups "$BERTH" run -n 2 --tree copy -- sh -c 'cat open; [ ! -e file ]') >out 2>err
	is "0 2" "$? $(grep -c ' | open$' out)" "copy: a file and a directory that the user cannot read do not end it"
	has "$(cat err)" "closed/file' for reading: Permission denied" "and are named"
	rm -rf closed
fi
# a project that takes long to copy
mkdir "$top/bin"
printf '#!/bin/sh\necho "cp: error writing: No space left on device" >&2; exit 1\n' >"$top/bin/cp"
chmod 755 "$top/bin/cp"
PATH=$top/bin:$PATH "$BERTH" run -n 2 --tree copy -- sh -c ': >started' >out 2>err
is "125 1" "$? $(grep -c "^berth: w1 failed: .*copy of '.*': cp: error writing: No space left on device" err)" "copy: another failure of cp ends it, with the cause in the message"
printf '#!/bin/sh\necho $$ >>%s/copying\nexec sleep 619\n' "$top" >"$top/bin/cp"
chmod 755 "$top/bin/cp"
copying() { [ "$(wc -l <"$top/copying")" = 2 ]; }
for signal in 15 9; do
	: >"$top/copying"
	PATH=$top/bin:$PATH "$BERTH" run -n 2 --tree copy -- sh -c ': >started' >out 2>err &
	run=$!
	wait_for 10 copying
	kill -$signal $run
	wait $run; is $((128 + signal)) $? "signal $signal while trees are copied"
	ended=0
	for pid in $(cat "$top/copying"); do wait_for 5 gone "$pid" || ended=1; done
	report $ended "ends the copying as well"
	wait_for 10 no_files; report $? "and leaves nothing"
done
[ ! -e started ]; report $? "the commands have not begun"
i=0
while [ $i -lt 60 ]; do mkdir -p $results/runs/ab$((i + 10)); i=$((i + 1)); done
mkdir -p $results/runs/not-a-run
"$BERTH" run -n 2 -- true 2>err
is "50 1" "$(ls $results/runs | grep -vc not) $(ls $results/runs | grep -c not)" "the logs of the last fifty, and nothing else is touched"
none_left && no_files; report $? "nothing is left of all this"
finish
