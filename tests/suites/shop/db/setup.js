// SPDX-License-Identifier: MIT
// npm run db:setup: brings the database to the newest schema and makes sure that the seed rows are there.
// It may be run again at any time, also by two people at once.
import { pathToFileURL } from 'node:url';
import pg from 'pg';
import { hashPassword } from '../backend/passwords.js';
import { migrations } from './migrations.js';
import { products, users } from './seed.js';

const DATABASE_URL = 'postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db';

async function migrate(client) {
  await client.query(
    `CREATE TABLE IF NOT EXISTS schema_migrations
     (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`,
  );
  const { rows } = await client.query('SELECT name FROM schema_migrations');
  const applied = new Set(rows.map((row) => row.name));
  const missing = migrations.filter((migration) => !applied.has(migration.name));
  for (const { name, sql } of missing) {
    await client.query(sql);
    await client.query('INSERT INTO schema_migrations (name) VALUES ($1)', [name]);
  }
  return missing.length;
}

async function seed(client) {
  for (const { email, name, role, password } of users) {
    await client.query(
      `INSERT INTO users (email, name, role, password_hash) VALUES ($1, $2, $3, $4)
       ON CONFLICT (email) DO NOTHING`,
      [email, name, role, hashPassword(password)],
    );
  }
  for (const { sku, name, category, description, price_cents, stock } of products) {
    await client.query(
      `INSERT INTO products (sku, name, category, description, price_cents, stock)
       VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (sku) DO NOTHING`,
      [sku, name, category, description, price_cents, stock],
    );
  }
}

export default async function setup() {
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  try {
    await client.query('BEGIN');
    await client.query("SELECT pg_advisory_xact_lock(hashtext('shop db:setup'))");
    const applied = await migrate(client);
    await seed(client);
    await client.query('COMMIT');
    return applied;
  } finally {
    await client.end();
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(`database ready, ${await setup()} migrations applied`);
}
