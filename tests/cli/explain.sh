#!/bin/sh
# berth explain PROGRAM: every verdict, on programs made here.
# SPDX-License-Identifier: MIT
. "$(dirname "$0")/tap"

one_line() { printf '%s' "$out" | tr -s ' \n' ' '; }

echo 'int main(void) { return 0; }' >main.c
gcc -o dynamic main.c && gcc -static -o static main.c
berth explain ./dynamic
has 'a dynamic program' './dynamic is dynamically linked to glibc it is dynamically linked to glibc, so the shim enters through its loader covered by preload' "$(one_line)"
berth explain ./static
has 'a static program' 'the shim cannot enter: it is statically linked covered by' "$(one_line)"
berth explain ./static --json
same 'a static program in JSON' '[false,true,true,1]' "$(printf '%s' "$out" |
	jq -c '[.backends.preload.covers, .backends.seccomp.covers, .backends.bpf.covers, (.chain | length)]')"
printf '#!%s/static\n' "$PWD" >script && chmod +x script
berth explain ./script
has 'a script of a static program' "is a script of $PWD/static" "$(one_line)"
has 'is judged by its interpreter' 'the shim cannot enter: it is statically linked' "$(one_line)"
mkdir bin && mv dynamic bin/tool
printf '#!/usr/bin/env -S A=1 tool --flag\n' >script
PATH=$PWD/bin:$PATH
berth explain ./script
has 'env in a #! line is looked through' "$PWD/bin/tool is dynamically linked" "$(one_line)"
printf '#!/nowhere\n' >script
berth explain ./script
same 'an interpreter that is not there' "1 berth: './script' needs '/nowhere', which is not an executable in PATH" "$status $err"
printf '#!./script\n' >script
berth explain ./script
same 'a loop ends' 0 "$status"
echo text >text && chmod +x text
berth explain ./text
has 'no program' 'is not a program that Berth can read' "$(one_line)"
berth explain nosuchprogram
same 'not there' "1 berth: 'nosuchprogram' is neither a port nor an executable in PATH" "$status $err"
complains 'not a port' "berth: expected a port from 1 to 65535 or a program, got '70000'
hint: berth help explain" explain 70000
printf 'port: 3101\n' >other.yaml
berth explain 3101 --config other.yaml
has 'a port, with the file and the line that declares it' 'other.yaml:' "$(one_line)"
if [ "$(id -u)" = 0 ]; then
	cp bin/tool capable && setcap cap_net_raw+ep capable 2>/dev/null &&
		berth explain ./capable &&
		has 'file capabilities, which give root nothing' 'so the shim enters through its loader' "$(one_line)" &&
		chmod 755 "$work" "$work/home" && as_nobody=$(setpriv --reuid nobody --clear-groups "$BERTH" explain "$PWD/capable" | tr -s ' \n' ' ') &&
		has 'file capabilities' 'has file capabilities, so the loader ignores LD_PRELOAD' "$as_nobody"
	cp bin/tool setuid && chown 65534 setuid && chmod 4755 setuid
	berth explain ./setuid
	has 'set-user-id of another user' 'is set-user-id (of user 65534), so the loader ignores LD_PRELOAD' "$(one_line)"
else
	berth explain "$(command -v su)"
	has 'set-user-id of another user' 'is set-user-id (of user 0), so the loader ignores LD_PRELOAD' "$(one_line)"
fi
finish
