// SPDX-License-Identifier: MIT
// The client without engines, as install generated it; its SQL goes through node-postgres.
const assert = require("assert");
const { PrismaClient } = require("prisma-generated");
const { PrismaPg } = require("@prisma/adapter-pg");

(async () => {
	const ssl = process.env.PGSSLMODE === "disable" ? false : { rejectUnauthorized: false };
	const db = new PrismaClient({ adapter: new PrismaPg({ ssl }) });
	assert.equal((await db.$queryRaw`select current_database()::text d`)[0].d, "mes_e2e_db");
	await db.landed.create({ data: { cell: process.env.LANDING } });
	assert.equal(await db.landed.count({ where: { cell: process.env.LANDING } }), 1);
	await db.$transaction([db.landed.count(), db.$queryRaw`select datname::text from pg_database where datname = ${"mes_e2e_db"}`]);
	await db.$executeRawUnsafe("create database prisma_made");
	await db.$executeRawUnsafe("drop database prisma_made");
	await db.$disconnect();
})().catch((error) => { console.error(error); process.exit(1); });
