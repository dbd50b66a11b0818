# SPDX-License-Identifier: MIT
require "pg"

db = PG.connect
ask = ->(text, args = []) { db.exec_params(text, args).getvalue(0, 0) }
raise "current_database" unless ask["select current_database()"] == "mes_e2e_db" && db.db == "mes_e2e_db"
raise "datname" unless ask["select datname from pg_database where datname = $1", ["mes_e2e_db"]] == "mes_e2e_db"
db.prepare("q", "select count(*) from pg_database where datname = $1")
raise "prepared" unless db.exec_prepared("q", ["mes_e2e_db"]).getvalue(0, 0) == "1"
db.exec_params("insert into landed values ($1)", [ENV["LANDING"]])
db.exec('create database "ruby_made" encoding = \'utf8\'')
PG.connect(dbname: "ruby_made").close
db.exec('drop database if exists "ruby_made" with (force)')
