#!/bin/sh
# PHP's built-in server with pdo_pgsql, two workers, under every backend: each page comes from its own
# worker and its own database. PHP before 8.5 loads extensions with RTLD_DEEPBIND, which hides the
# functions of a preload unless the preload removes the flag.
set -eu
berth=$(realpath "${BERTH:-$(dirname "$0")/../../.out/bin/berth}")
work=$(mktemp -d /var/tmp/berth-php-XXXXXX); trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/../tap.sh"
cd "$work"
cat >page.php <<'PHP'
<?php
$db = new PDO('pgsql:host=localhost;port=5432;dbname=mes_e2e_db', 'mes_user', 'mes_password');
$db->exec("CREATE TABLE IF NOT EXISTS mine (worker text)");
$db->exec("INSERT INTO mine VALUES ('" . getenv('BERTH_WORKER') . "')");
echo $db->query("SELECT current_database() || ' ' || string_agg(worker, ',') FROM mine")->fetchColumn(), "\n";
PHP
cat >suite <<'SH'
php -S localhost:8602 page.php >server.log 2>&1 & server=$!
for _ in $(seq 100); do curl -sf http://localhost:8602/ >answer && break; sleep 0.1; done
kill $server; wait $server
echo "worker $BERTH_WORKER: $(cat answer)"
SH
export DATABASE_URL=postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db
backends='preload seccomp bpf'
[ "$(id -u)" = 0 ] || backends='preload seccomp'
# shellcheck disable=SC2086 # the list is words
set -- $backends
for backend; do
	"$berth" run -n 2 --backend "$backend" --db mes_e2e_db --db-mode private --output group -- sh suite >out 2>err || true
	got=$(grep '^worker' out | sort)
	want='worker 1: mes_e2e_db 1
worker 2: mes_e2e_db 2'
	good=0; [ "$got" = "$want" ] || good=1
	cat err >>out
	report $good "two PHP servers, two databases, one address ($backend)" out
done
finish
