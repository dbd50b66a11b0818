// SPDX-License-Identifier: MIT
import { expect, OLGA, test } from './support.js';

test('an operator takes an order through the floor', async ({ page, customer, login, product, database }) => {
  const order = await customer.order([product, 1]);
  const olga = await login(OLGA);
  await olga.browse(page, '#/floor');
  const row = page.getByRole('row', { name: `Order ${order.id} ` });
  for (const step of ['cut', 'assemble', 'inspect']) {
    await row.getByRole('button').click();
    await expect(row).toContainText(step);
  }
  await row.getByRole('button').click();
  await expect(row).toHaveCount(0);
  const { rows } = await database.query('SELECT status FROM orders WHERE id = $1', [order.id]);
  expect(rows).toEqual([{ status: 'packed' }]);
  expect((await olga.call('POST', `/api/orders/${order.id}/ship`)).status()).toBe(200);
});

test('customers have no business on the floor', async ({ customer, product }) => {
  const order = await customer.order([product, 1]);
  expect((await customer.call('GET', '/api/workorders')).status()).toBe(403);
  expect((await customer.call('POST', `/api/orders/${order.id}/ship`)).status()).toBe(403);
});
