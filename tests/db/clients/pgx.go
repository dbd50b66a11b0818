// SPDX-License-Identifier: MIT
package main

import (
	"context"
	"os"

	"github.com/jackc/pgx/v4"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	ctx := context.Background()
	db, err := pgx.Connect(ctx, "")
	must(err)
	var name string
	must(db.QueryRow(ctx, "select current_database()").Scan(&name))
	if name != "mes_e2e_db" {
		panic(name)
	}
	for i := 0; i < 2; i++ { // prepared the first time, from its cache the second
		must(db.QueryRow(ctx, "select datname from pg_database where datname = $1", "mes_e2e_db").Scan(&name))
	}
	_, err = db.Exec(ctx, "insert into landed values ($1)", os.Getenv("LANDING"))
	must(err)
	_, err = db.Exec(ctx, "create database pgx_made")
	must(err)
	made, err := pgx.Connect(ctx, "dbname=pgx_made")
	must(err)
	must(made.Close(ctx))
	_, err = db.Exec(ctx, "drop database pgx_made")
	must(err)
}
