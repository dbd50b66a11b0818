#!/bin/sh
# SPDX-License-Identifier: MIT
# What else belongs to one worker: the git repository, directories to which links lead, the home
# directory, /var/tmp, mounts below these. And what all workers share on purpose.
. "$(dirname "$0")/lib.sh"
mkdir "$top/home" "$top/away" "$top/end"
cd "$top/project" || exit 1
me=$(id -u)
# count N: three workers did it, and outside N files with this name exist
if command -v git >/dev/null; then
	export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.org GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.org
	commit='for i in 1 2 3; do echo $$ >f-$$-$i; git add -A && git commit -qm "step $i" || exit 1; done; git log --oneline | wc -l'
	git init -q main && git -C main commit -q --allow-empty -m first && git -C main worktree add -q "$PWD/linked" -b topic
	(cd linked && HOME=/nowhere "$BERTH" run -n 3 -- sh -c "$commit") >out 2>err
	is "0 4 4 4" "$? $(echo $(sed -n 's/.*| *//p' out))" "linked git work tree: each worker commits into its own repository"
	is "1 first" "$(git -C linked log --oneline topic | wc -l) $(git -C main log -1 --format=%s)" "and the user's branches stay as they were"
	git init -q super && git -C super -c protocol.file.allow=always submodule --quiet add "$PWD/main" sub
	(cd super/sub && HOME=/nowhere "$BERTH" run -n 3 -- sh -c "$commit") >out 2>err
	is "0 4 4 4 1" "$? $(echo $(sed -n 's/.*| *//p' out)) $(git -C super/sub log --oneline | wc -l)" "and so in a submodule"
	mkdir -p main/packages/app
	: >main/packages/app/berth.yaml
	(cd main/packages/app && HOME=/nowhere "$BERTH" run -n 3 --results "$top/collects" --collect 'out/*' -- sh -c 'mkdir out; echo $BERTH_WORKER | tee ../../root >out/f; sleep 0.2; cat ../../root') >out 2>err
	is "0 1 2 3" "$? $(echo $(sed -n 's/.*| *//p' out | sort))" "the whole git work tree is private, if berth.yaml lies in a package of it"
	[ ! -e main/root ]; report $? "and stays as it was"
	is 2 "$(cat "$top/collects/collected/w2/out/f")" "patterns of --collect begin at the package"
else
	skip "git repositories" "git is not installed"
fi

mkdir modules
(cd modules && mkdir "$top/away/node_modules" && ln -s "$top/away/node_modules" node_modules && ln -s "$top/away" other
HOME=/nowhere "$BERTH" run -n 2 -- sh -c 'echo $BERTH_WORKER >node_modules/f; sleep 0.2; cat node_modules/f; rm -r other/node_modules') >out 2>err
is "0 1 2" "$? $(echo $(sed -n 's/.*| *//p' out | sort))" "a directory to which a link of the project leads is private"
[ -d "$top/away/node_modules" ] && [ ! -e "$top/away/node_modules/f" ]; report $? "and stays as it was"

export HOME="$top/home"
mkdir -p "$HOME/.npm" "$HOME/.cache" "$HOME/.tool" "$HOME/shared" "$HOME/src"
unset XDG_CACHE_HOME
cat >home.sh <<'SH'
for f in .tool/f .npm/f .cache/f shared/f f; do echo $BERTH_WORKER >>$HOME/$f; done
sleep 0.3; cat $HOME/f
SH
"$BERTH" run -n 2 --share-paths '~/shared' -- sh home.sh >out 2>err
is "0 1 2" "$? $(echo $(sed -n 's/.*| *//p' out | sort))" "each worker has its own home directory"
is ".cache/f .npm/f shared/f" "$(cd "$HOME" && echo $(find . -name f | sed 's|./||' | sort))" "its caches and --share-paths are shared"
printf 'home: shared\n' >berth.yaml
"$BERTH" run -n 2 -- sh home.sh >out 2>err
is 2 "$(wc -l <"$HOME/f")" "home: shared"
printf 'share-paths: [mine, other]\n' >berth.yaml
mkdir mine
"$BERTH" run -n 2 -- sh -c 'echo >>mine/f; echo >>not-mine' >out 2>err
is "2 none" "$(wc -l <mine/f) $(ls not-mine 2>/dev/null || echo none)" "a relative path of share-paths: begins at the project"
rm berth.yaml

"$BERTH" run -n 2 -- sh -c 'echo $BERTH_WORKER >/var/tmp/berth-test-'$$'; sleep 0.3; cat /var/tmp/berth-test-'$$ >out 2>err
is "0 1 2 none" "$? $(echo $(sed -n 's/.*| *//p' out | sort)) $(ls /var/tmp/berth-test-$$ 2>/dev/null || echo none)" "/var/tmp is private"
"$BERTH" run -n 2 -- sh -c 'exec 9<"$HOME/src"; flock -n 9 && sleep 0.5' >out 2>err
is 0 $? "locks of two workers never meet"
REPORTS=$(mktemp -d /tmp/berth-test.XXXXXX)
export REPORTS
"$BERTH" run -n 2 -- sh -c 'echo >"$REPORTS/$BERTH_WORKER"' >out 2>err
is "1 2" "$(echo $(ls "$REPORTS"))" "a directory below /tmp that a variable names is shared"
rm -r "$REPORTS"

# servers of the machine: in the project, deep in it, in the home directory, in /tmp
mkdir -p deep/er
mkfifo fifo
cat >server.py <<'PY'
import os, socket, sys, threading
def serve(path):
    s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen()
    threading.Thread(target=lambda: [s.accept()[0].sendall(b"machine") for _ in iter(int, 1)], daemon=True).start()
for path in sys.argv[2:]: serve(path)
open(sys.argv[1] + "/ready", "w"); open("fifo").read(); print("fifo"); sys.stdout.flush()
open("fifo").read()
PY
cat >client.py <<'PY'
import os, socket, sys
def ask(path):
    c = socket.socket(socket.AF_UNIX); c.settimeout(20); c.connect(path); return c.recv(9).decode()
paths = sys.argv[1:]
for p in paths: assert ask(p) == "machine", p
os.rename(paths[0], paths[0] + ".old"); assert ask(paths[0] + ".old") == "machine"
os.close(os.open(paths[0], os.O_CREAT)) ; os.replace(paths[0], paths[1])
for p in paths[1:]:
    os.unlink(p); s = socket.socket(socket.AF_UNIX); s.bind(p); s.listen()
    pid = os.fork()
    if not pid: s.accept()[0].sendall(b"own"); os._exit(0)
    assert ask(p) == "own", p
    os.waitpid(pid, 0)
print("passed")
PY
sockets="$PWD/top.sock $PWD/deep/er/s $HOME/.tool/s $(mktemp -u /tmp/berth-test.XXXXXX)"
python3 server.py "$top/end" $sockets >served 2>&1 &
server=$!
ready() { [ -e "$top/end/ready" ]; }
wait_for 20 ready
"$BERTH" run -n 3 -- python3 client.py $sockets >out 2>err
is "0 passed passed passed" "$? $(echo $(sed -n 's/.*| *//p' out))" "sockets of the machine work at any depth, and can be renamed, removed and replaced" out
"$BERTH" run -n 2 -- sh -c '[ $BERTH_WORKER = 1 ] || exit 0; echo >fifo' >out 2>err
said() { grep -q fifo served; }
wait_for 20 said; report $? "so do its FIFOs" err
for socket in $sockets; do [ -S "$socket" ] || break; done; report $? "and the machine's are untouched"
kill $server; wait $server 2>/dev/null
rm -f $sockets "$top/end/ready"
mkdir -m 700 run-time
cat >serve.py <<'PY'
import os, socket, time
s = socket.socket(); s.bind(("127.0.0.1", 3101)); s.listen(); open("up", "w")
while not os.path.exists(os.environ["BERTH_TEST_END"]): time.sleep(0.05)
PY
XDG_RUNTIME_DIR=$PWD/run-time BERTH_TEST_END=$top/end/now "$BERTH" run -n 2 --share-paths "$top/end" --backend preload -- python3 serve.py 2>err &
run=$!
shows_port() { XDG_RUNTIME_DIR=$PWD/run-time "$BERTH" ps >ps 2>&1; grep -q 3101 ps; }
wait_for 30 shows_port; report $? "run-time files in the project: berth ps shows the ports" ps
: >"$top/end/now"
wait $run
"$BERTH" run -n 2 -- sh -c 'ls -A $XDG_RUNTIME_DIR/berth | wc -l; '"\"$BERTH\" run -- true; \"$BERTH\" reap && :" >out 2>err
is "0 1 1" "$? $(echo $(sed -n 's/^w. | *\([0-9]\)/\1/p' out))" "a worker sees no other run's files, and may run berth"

if [ "$me" = 0 ]; then
	mkdir -p volume/below "$HOME/volume"
	unshare -m sh -c 'mount -t tmpfs x volume && mount -t tmpfs x "$HOME/volume" && exec "$0" "$@"' \
		"$BERTH" run -n 2 -- sh -c 'for d in volume $HOME/volume; do echo $BERTH_WORKER >$d/f; sleep 0.2; cat $d/f; done' >out 2>err
	is "0 1 1 2 2" "$? $(echo $(sed -n 's/.*| *//p' out | sort))" "what is mounted below the project and the home directory is private, too"
	file=$(mktemp -u /berth-test.XXXXXX)
	(cd / && "$BERTH" run -n 2 --results "$top/results" -- sh -c "echo >>$file") >out 2>err
	has "$(cat err)" 'shared by all workers: the project is the root directory' "the project /: Berth prints that workers share it"
	rm -f "$file"
	(cd / && "$BERTH" run -n 2 --tree overlay --results "$top/results" -- true) >out 2>err
	is "125 1" "$? $(grep -c "tree 'overlay' cannot be had here: the project is the root directory" err)" "and refuses an overlay"
	plain=$(mktemp -d /var/tmp/berth-test.XXXXXX)
	mkdir "$plain/project"; chown nobody "$plain"; chown nobody:nogroup "$plain/project"
	(cd "$plain/project" && exec setpriv --reuid nobody --regid nogroup --clear-groups \
		env -u XDG_RUNTIME_DIR -u XDG_STATE_HOME -u XDG_CACHE_HOME HOME="$plain" "$BERTH" run -n 2 -- sh -c 'echo >>~/f') >out 2>err
	is "0 1" "$? $(grep -c "'$plain' is shared by all workers: it has files of another" err)" \
		"a home directory of another group, below /var/tmp: shared"
	rm -rf "$plain"
fi
none_left && no_files; report $? "nothing is left of all this"
finish
