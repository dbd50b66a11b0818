<?php
// SPDX-License-Identifier: MIT
$db = pg_connect("");
$one = fn($r) => pg_fetch_result($r, 0, 0);
$one(pg_query($db, "select current_database()")) === "mes_e2e_db" or exit(1);
$one(pg_query_params($db, 'select datname from pg_database where datname = $1', ["mes_e2e_db"])) === "mes_e2e_db" or exit(2);
$pdo = new PDO("pgsql:host=" . getenv("PGHOST") . ";dbname=mes_e2e_db");
$pdo->query("select current_database()")->fetchColumn() === "mes_e2e_db" or exit(7);
$pdo->prepare("insert into landed values (?)")->execute([getenv("LANDING")]) or exit(8);
pg_query($db, "create database php_made") or exit(3);
pg_close(pg_connect("dbname=php_made", PGSQL_CONNECT_FORCE_NEW)) or exit(4);
pg_query($db, "drop database php_made") or exit(5);
pg_dbname($db) === "mes_e2e_db" or exit(6);
