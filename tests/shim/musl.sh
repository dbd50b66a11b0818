#!/bin/sh
# The behaviour programs built with musl, bare and under the preload backend: one shim serves both
# libcs.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /var/tmp/berth-musl-XXXXXX); trap 'rm -rf "$work"' EXIT
command -v musl-gcc >/dev/null ||
	{ echo '1..0 # SKIP musl-gcc is not installed: scripts/bootstrap'; exit 0; }

# What is glibc's own, or what musl itself answers with a crash when bare: it reads through bad
# pointers in user space, has no RTLD_DEEPBIND, no fortified calls, runs no file without #!, and
# lets a thread have 2 KiB of stack.
glibc='accept_null asan bad_pointers bad_pointers_inside constructor deepbind dlopen_runpath early_calls exec_script fortified
	netlink own_filter own_notify preload_kept reserved_port small_stack syscall_plain udp_errqueue udp_mmsg_edges outsider'
names=''
for source in "$here"/*.c; do
	name=${source##*/}; name=${name%.c}
	case " $(echo "$glibc" | tr '\n\t' '  ') " in *" $name "*) continue ;; esac
	case $name in plugin_*) continue ;; esac
	musl-gcc -std=gnu11 -O1 -w "$source" -pthread -o "$work/$name" 2>>"$work/errors" && names="$names $name"
done
[ "$(echo "$names" | wc -w)" -ge 70 ] ||
	{ echo 'Bail out! too few programs could be built'; tail "$work/errors"; exit 1; }
[ "$(id -u)" != 0 ] || set -- "$here/alone"
# shellcheck disable=SC2086 # the list is words
"$@" "$here/run" --bin "$work" --jobs 2 --with "${BERTH:-berth} run --backend preload --" $names
