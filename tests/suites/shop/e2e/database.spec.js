// SPDX-License-Identifier: MIT
import setup from '../db/setup.js';
import { expect, test } from './support.js';

test('we are who and where we think we are', async ({ database }) => {
  const { rows } = await database.query(
    'SELECT current_database() AS database, current_user AS who, inet_server_port() IS NOT NULL AS tcp',
  );
  expect(rows).toEqual([{ database: 'mes_e2e_db', who: 'mes_user', tcp: true }]);
});

test('setting up again changes nothing', async ({ database }) => {
  const count = async () =>
    (
      await database.query(
        'SELECT (SELECT count(*) FROM users) AS users, (SELECT count(*) FROM products) AS products',
      )
    ).rows[0];
  const before = await count();
  expect(await setup()).toBe(0);
  expect(await count()).toEqual(before);
  const { rows } = await database.query('SELECT name FROM schema_migrations ORDER BY name');
  expect(rows.map((row) => row.name)).toEqual([
    '001-accounts',
    '002-catalog',
    '003-orders',
    '004-order-events',
  ]);
});

test('a failed order leaves no trace', async ({ customer, product, database }) => {
  await customer.fillCart([product, 1]);
  const answer = await customer.call('POST', '/api/orders', { address: 'Pier 7', discount: 'FREE' });
  expect(answer.status()).toBe(422);
  const orders = await database.query('SELECT id FROM orders WHERE user_id = $1', [customer.user.id]);
  expect(orders.rows).toEqual([]);
  const cart = await database.query('SELECT quantity FROM cart_items WHERE user_id = $1', [customer.user.id]);
  expect(cart.rows).toEqual([{ quantity: 1 }]);
});

test('an order is announced to whoever listens', async ({ customer, product, database }) => {
  const heard = [];
  database.on('notification', ({ payload }) => heard.push(JSON.parse(payload).order_id));
  await database.query('LISTEN order_events');
  const order = await customer.order([product, 1]);
  await expect.poll(() => heard).toContain(order.id);
});
