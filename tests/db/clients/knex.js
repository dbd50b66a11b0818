// SPDX-License-Identifier: MIT
const assert = require("assert");

(async () => {
	const knex = require("knex")({ client: "pg", connection: {} });
	assert.equal((await knex.raw("select current_database() d")).rows[0].d, "mes_e2e_db");
	await knex.schema.createTable("knex_made", (t) => t.increments());
	assert.ok(await knex.schema.hasTable("knex_made")); // table_catalog = current_database()
	assert.ok((await knex("knex_made").columnInfo()).id);
	await knex("landed").insert({ cell: process.env.LANDING });
	await knex.schema.dropTable("knex_made");
	await knex.destroy();
})().catch((error) => { console.error(error); process.exit(1); });
