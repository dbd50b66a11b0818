#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The kernel accepts the BPF programs from every installed clang: each compiler builds both objects, and
# a process with only the documented capabilities loads them.
set -u
. "$(dirname "$0")/lib.sh"

loads() { # CLANG OBJECT
	make -s -C "$root" CLANG="$1" O="$tmp/$1" WERROR=1 "$tmp/$1/bpf/$2.bpf.o" || return 1
	setpriv --inh-caps=-all,+bpf,+perfmon,+net_admin \
		--bounding-set=-all,+bpf,+perfmon,+net_admin \
		"$out/tests/isolate/loader" "$tmp/$1/bpf/$2.bpf.o"
}

has bpf || { skip 'BPF objects of each clang' "$why"; finish; }
for clang in $(compgen -c clang- | grep -xE 'clang-[0-9]+' | sort -u -t- -k2n); do
	mkdir -p "$tmp/$clang/gen"
	cp "$out/gen/vmlinux.h" "$tmp/$clang/gen/"
	for object in remap monitor; do
		check "the kernel loads $object, built by $clang" loads "$clang" "$object"
	done
done
finish
