// SPDX-License-Identifier: MIT
const assert = require("assert");
const postgres = require("postgres");

(async () => {
	const sql = postgres({ max: 5, ssl: process.env.PGSSLMODE === "disable" ? false : process.env.PGSSLMODE, onnotice: () => {} });
	assert.equal((await sql`select current_database() d`)[0].d, "mes_e2e_db");
	assert.equal((await sql`select datname from pg_database where datname = ${"mes_e2e_db"}`)[0].datname, "mes_e2e_db");
	const all = await Promise.all([...Array(100)].map((_, i) => sql`select ${i}::int i, current_database() d`));
	assert.ok(all.every((r, i) => r[0].i === i && r[0].d === "mes_e2e_db"));
	await sql`insert into landed values (${process.env.LANDING})`;
	await sql`create database postgresjs_made`;
	await sql`drop database postgresjs_made`;
	await sql.end();
})().catch((error) => { console.error(error); process.exit(1); });
