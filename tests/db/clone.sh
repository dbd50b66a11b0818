#!/bin/sh
# SPDX-License-Identifier: MIT
# How a worker's directory is made from the template: by reflinks if the file system has them, else
# as an overlay, else as a copy. Which of the installed server programs are used.
[ "$(id -u)" != 0 ] || [ -n "${OWN_MOUNTS-}" ] || OWN_MOUNTS=1 exec unshare -m "$0" "$@"
. "$(dirname "$0")/lib.sh"
trap 'umount -l "$work/xfs" "$work/nested" 2>/dev/null || :; rm -rf "$work"' EXIT
ask="$as_client; psql -Atqc"
spoil() { # spoil NAME: two workers destroy the data of the template; prints what each saw before and after
	run "$1" -n 2 -d $url -s "$ask 'create table item as select generate_series(1,1000) id'" "$work/$1" \
		"($ask 'select count(*) from item; delete from item; select count(*) from item') | paste -sd/"
}
ways() { sed -n 's/.* database_ready .* \([a-z]*\)$/\1/p' "$work/$1.err" | grep -v setup | sort -u; }
cloned() { # cloned NAME WAY SENTENCE: twice; the second run must find the template unchanged
	said=$(spoil "$1"; spoil "$1" | tr '\n' ' ')
	same "$3" "$2 1000/0 1000/0 " "$(ways "$1") $(echo "$said" | tail -n 1)"
}

for way in overlay copy; do
	BERTH_PG_CLONE=$way cloned $way $way "as asked: $way"
done
BERTH_PG_CLONE=overlay run proof -d $url "$work/proof" "grep -h ' overlay ' /proc/\$(pgrep -n -f '[p]ostgres -D $XDG_CACHE_HOME')/mountinfo" >"$work/proof.out"
ok 'an overlay is a mount that only the server sees' grep -q berth "$work/proof.out"
ok 'and not in our own namespace' sh -c '! grep -q "overlay.*berth" /proc/self/mountinfo'

if [ "$(id -u)" = 0 ]; then
	home=$XDG_CACHE_HOME
	mkdir "$work/xfs" "$work/nested" "$work/upper" "$work/work" "$work/lower"; chmod 755 "$work"/*
	truncate -s 400M "$work/disk"; mkfs.xfs -q -m reflink=1 "$work/disk"; mount -o loop "$work/disk" "$work/xfs"
	export XDG_CACHE_HOME="$work/xfs"
	cloned reflink reflink 'reflinks come first'
	run kept -K -d $url "$work/kept" "$ask 'create table evidence as select 42 x'; exit 1"
	same 'a clone by reflinks is kept as any other' 1 "$(find "$work/xfs/berth/pg/kept" -name postgresql.conf | wc -l)"
	export XDG_CACHE_HOME="$home"
	cloned first overlay 'a file system that has none: overlays'
	mount -t overlay -o "lowerdir=$work/lower,upperdir=$work/upper,workdir=$work/work" overlay "$work/nested"
	export XDG_CACHE_HOME="$work/nested"
	cloned nested copy 'one that cannot bear an overlay, as in a container: copies'
	export XDG_CACHE_HOME="$home"

	real=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
	mkdir -p "$work/upper/98/bin" "$work/upper/99/bin" "$work/programs"
	for program in initdb postgres; do
		printf '#!/bin/sh\nexec %s "$@"\n' "$real/$program" >"$work/upper/98/bin/$program"; chmod -R a+rX,a+x "$work/upper/98"
	done
	rm -rf "$work/programs/work"; mkdir "$work/programs/work"
	umount "$work/nested"
	mount -t overlay -o "lowerdir=/usr/lib/postgresql,upperdir=$work/upper,workdir=$work/programs/work" overlay /usr/lib/postgresql
	run newest -d $url "$work/newest" true
	ok 'of the installed versions the newest that is complete is taken' grep -q 'PostgreSQL 98 as user' "$work/newest.err"
	BERTH_PG_BIN=$real run given -d $url "$work/given" true
	ok 'unless BERTH_PG_BIN names another' grep -q "PostgreSQL $(echo "$real" | tr -dc 0-9) as user" "$work/given.err"
	same 'each version has a cache of its own' 2 "$(find "$XDG_CACHE_HOME/berth/pg" -maxdepth 1 -name 'base-*' ! -name '*.lock' | wc -l)"
else
	skip 'reflinks, and file systems without overlays' 'mounting needs root'
fi
finish
