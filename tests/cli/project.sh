#!/bin/sh
# Which directory is the project: that of berth.yaml, the git work tree, or where one is; never $HOME by accident.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

project() { (cd "$1" && "$BERTH" run -- true >/dev/null 2>&1; cat "$HOME"/.local/state/berth/*/project | sed "s,^$HOME/,,"; echo; rm -rf "$HOME/.local"); }
mkdir -p repo/src/deep repo/configured/src plain
mkdir repo/.git
touch repo/configured/berth.yaml
same 'the top of the git work tree' 'project/repo' "$(project repo/src/deep)"
same 'the directory of berth.yaml comes first' 'project/repo/configured' "$(project repo/configured/src)"
same 'else the working directory' 'project/plain' "$(project plain)"
mkdir "$HOME/.git"
same 'a git work tree of $HOME is no project' 'project/plain' "$(project plain)"
rmdir repo/.git && echo 'gitdir: elsewhere' >repo/.git
same 'a .git file is one too (worktrees, submodules)' 'project/repo' "$(project repo/src)"
finish
