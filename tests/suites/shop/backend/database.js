// SPDX-License-Identifier: MIT
// One pool for the whole backend; a transaction is a function that gets a client of it.
import pg from 'pg';

export const DATABASE_URL = 'postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db';

export const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 6 });
pool.on('error', (error) => console.error(`database: idle client lost: ${error.message}`));

export async function query(sql, values) {
  return (await pool.query(sql, values)).rows;
}

export async function transaction(work) {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(async (sql, values) => (await client.query(sql, values)).rows);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}
