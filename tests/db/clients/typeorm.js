// SPDX-License-Identifier: MIT
const assert = require("assert");
const { DataSource, EntitySchema } = require("typeorm");

(async () => {
	const Item = new EntitySchema({ name: "Item", tableName: "typeorm_item",
		columns: { id: { type: Number, primary: true, generated: true }, name: { type: String } } });
	for (let i = 0; i < 2; i++) { // the second time it compares what it finds
		const db = await new DataSource({ type: "postgres", host: process.env.PGHOST, port: +process.env.PGPORT,
			username: process.env.PGUSER, password: process.env.PGPASSWORD, database: process.env.PGDATABASE,
			ssl: process.env.PGSSLMODE === "disable" ? false : { rejectUnauthorized: false },
			synchronize: true, entities: [Item] }).initialize();
		await db.getRepository("Item").save({ name: "x" });
		assert.equal(await db.getRepository("Item").count(), i + 1);
		assert.ok(await db.createQueryRunner().hasDatabase("mes_e2e_db"));
		assert.equal(await db.createQueryRunner().getCurrentDatabase(), "mes_e2e_db");
		if (i) await db.query("insert into landed values ($1)", [process.env.LANDING]);
		if (i) await db.query("drop table typeorm_item");
		await db.destroy();
	}
})().catch((error) => { console.error(error); process.exit(1); });
