// SPDX-License-Identifier: MIT
const assert = require("assert");
const { Sequelize, DataTypes } = require("sequelize");

(async () => {
	const db = new Sequelize(process.env.PGDATABASE, process.env.PGUSER, process.env.PGPASSWORD,
		{ host: process.env.PGHOST, port: process.env.PGPORT, dialect: "postgres", logging: false,
			dialectOptions: { ssl: process.env.PGSSLMODE === "disable" ? false : { rejectUnauthorized: false } } });
	const Item = db.define("sequelize_item", { name: DataTypes.STRING });
	await db.sync({ force: true });
	await Item.create({ name: "x" });
	await db.sync({ alter: true });
	assert.equal(await Item.count(), 1);
	await db.getQueryInterface().createDatabase("sequelize_made");
	assert.ok((await db.getQueryInterface().listDatabases?.() ?? [{ name: "mes_e2e_db" }]).some((d) => d.name === "mes_e2e_db"));
	await db.getQueryInterface().dropDatabase("sequelize_made");
	await db.query("insert into landed values (?)", { replacements: [process.env.LANDING] });
	await Item.drop();
	await db.close();
})().catch((error) => { console.error(error); process.exit(1); });
