#!/bin/sh
# SPDX-License-Identifier: MIT
# Run one client program against $PGHOST:$PGPORT: run.sh PROGRAM SCRATCH. 77 = its library is not installed.
set -eu
program=$1 scratch=$2
python=/usr/bin/python3; [ -x $python ] || python=python3 # the one that the distribution's modules are for
need() { "$@" >/dev/null 2>&1 || { echo "not installed: $*"; exit 77; }; }
case $program in
*/psycopg2.py) need $python -c 'import psycopg2' ;;
*/psycopg.py) need $python -c 'import psycopg' ;;
*/asyncpg.py) need $python -c 'import asyncpg' ;;
*/django.py) need $python -c 'import django, psycopg2' ;;
*.rb) need ruby -e 'require "pg"' ;;
*.pl) need perl -MDBD::Pg -e 1 ;;
*.php) need php -r 'exit(function_exists("pg_connect") ? 0 : 1);' ;;
*.java) need test -e /usr/share/java/postgresql.jar; need command -v javac ;;
*.js) need node -e "require.resolve('$(basename "$program" .js)')" ;; # NODE_PATH says where
*.go) need test -d /usr/share/gocode/src/github.com/lib/pq; need command -v go ;;
esac
case $program in
*.py) mkdir -p "$scratch/py"; cp "$program" "$scratch/py/client.py"; exec $python "$scratch/py/client.py" ;;
*.rb) exec ruby "$program" ;;
*.pl) exec perl "$program" ;;
*.php) exec php "$program" ;;
*.js) exec node "$program" ;;
*.java) exec java -cp /usr/share/java/postgresql.jar "$program" ;;
*.go) GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE="$scratch/gocache" GOFLAGS= exec go run "$program" ;;
esac
