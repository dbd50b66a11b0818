// SPDX-License-Identifier: MIT
package main

import (
	"database/sql"
	"os"

	_ "github.com/lib/pq"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	db, err := sql.Open("postgres", "")
	must(err)
	var name string
	must(db.QueryRow("select current_database()").Scan(&name))
	if name != "mes_e2e_db" {
		panic(name)
	}
	must(db.QueryRow("select datname from pg_database where datname = $1", "mes_e2e_db").Scan(&name))
	_, err = db.Exec("insert into landed values ($1)", os.Getenv("LANDING"))
	must(err)
	_, err = db.Exec("create database go_made")
	must(err)
	_, err = db.Exec("drop database go_made")
	must(err)
}
