// SPDX-License-Identifier: MIT
const assert = require("assert");
const { Client, Pool } = require("pg");

(async () => {
	const db = new Client();
	await db.connect();
	const one = async (text, values) => Object.values((await db.query(text, values)).rows[0])[0];
	assert.equal(await one("select current_database()"), "mes_e2e_db");
	assert.equal(await one("select * from current_database()"), "mes_e2e_db"); // as TypeORM asks
	assert.equal(await one("select datname from pg_database where datname=$1;", ["mes_e2e_db"]), "mes_e2e_db");
	await db.query("insert into landed values ($1)", [process.env.LANDING]);
	await db.query('create database "node_made"');
	const made = new Client({ database: "node_made" });
	await made.connect();
	await made.end();
	await db.query('drop database if exists "node_made"');
	const pool = new Pool({ max: 10 });
	const all = await Promise.all([...Array(100)].map(() => pool.query("select current_database() d")));
	assert.ok(all.every((r) => r.rows[0].d === "mes_e2e_db"));
	await pool.end();
	await db.end();
})().catch((error) => { console.error(error); process.exit(1); });
