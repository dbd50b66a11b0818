#!/bin/sh
# SPDX-License-Identifier: MIT
# Run one client program: run.sh PROGRAM SCRATCH, in the environment that libpq reads. With BUILD=1 only compile it into
# SCRATCH. 77 = its library is not installed, 78 = this client cannot do what $PGHOST and $PGSSLMODE ask.
set -eu
program=$1 scratch=$2
export SCRATCH="$scratch"
base=$(basename "${program%.*}")
python=/usr/bin/python3; [ -x $python ] || python=python3 # the one that the distribution's modules are for
need() { "$@" >/dev/null 2>&1 || { echo "not installed: $*"; exit 77; }; }
cannot() { echo "$base cannot: $*"; exit 78; }
case $program in
*/psycopg2.py) need $python -c 'import psycopg2' ;;
*/psycopg.py) need $python -c 'import psycopg' ;;
*/asyncpg.py) need $python -c 'import asyncpg' ;;
*/django.py) need $python -c 'import django, psycopg2' ;;
*/sqlalchemy.py) need $python -c 'import sqlalchemy, psycopg2' ;;
*/activerecord.rb) need ruby -e 'require "pg"; require "active_record"' ;;
*.rb) need ruby -e 'require "pg"' ;;
*.pl) need perl -MDBD::Pg -e 1 ;;
*.php) need php -r 'exit(function_exists("pg_connect") && class_exists("PDO") ? 0 : 1);' ;;
*.java) need test -e /usr/share/java/postgresql.jar; need command -v javac ;;
*/prisma.js) need node -e "require.resolve('prisma-generated')" ;;
*.js) need node -e "require.resolve('$base')" ;; # NODE_PATH says where
*/pq.go) need test -d /usr/share/gocode/src/github.com/lib/pq; need command -v go ;;
*/pgx.go) need test -d /usr/share/gocode/src/github.com/jackc/pgx/v4; need command -v go ;;
esac
case $base:${PGHOST-}:${PGSSLMODE-} in
jdbc:/*) cannot 'unix sockets' ;;
p[qg]*:/*) case $base:${BACKEND-} in pq:bpf | pgx:bpf) cannot 'load the shim that moves paths under bpf' ;; esac ;; # docs/limits.md
pq:*:prefer) cannot 'sslmode=prefer' ;;
pg:*:prefer | knex:*:prefer | sequelize:*:prefer | typeorm:*:prefer | prisma:*:prefer) cannot 'sslmode=prefer' ;;
pg:*:require | knex:*:require) export PGSSLMODE=no-verify ;; # the certificate is the test's own
esac
if [ -n "${BUILD-}" ]; then
	case $program in
	*.java) javac -d "$scratch" "$program" ;;
	*.go) GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$scratch/gocache" GOFLAGS= go build -o "$scratch/$base" "$program" ;;
	esac
	exit
fi
case $program in
*.py) exec $python -BP "$program" ;; # -P: django.py must not hide django
*.rb) exec ruby "$program" ;;
*.pl) exec perl "$program" ;;
*.php) exec php "$program" ;;
*.js) exec node "$program" ;;
*.sh) exec sh "$program" ;;
*.java) exec java -XX:TieredStopAtLevel=1 -cp "$scratch:/usr/share/java/postgresql.jar" "$base" ;;
*.go) exec "$scratch/$base" ;;
esac
