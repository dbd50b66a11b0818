// SPDX-License-Identifier: MIT
import { ALICE, expect, test } from './support.js';

test('the history leads to an order', async ({ page, customer, product }) => {
  const order = await customer.order([product, 1]);
  await customer.browse(page, '#/orders');
  await page.getByRole('link', { name: `Order ${order.id}` }).click();
  await expect(page.getByTestId('status')).toHaveText('placed');
  await expect(page.getByRole('table', { name: 'Items' })).toContainText(product.name);
  await expect(page.getByText('Ships to: Pier 7')).toBeVisible();
});

test('an order can be cancelled once', async ({ page, customer, product }) => {
  const order = await customer.order([product, 1]);
  await customer.browse(page, `#/orders/${order.id}`);
  await page.getByRole('button', { name: 'Cancel order' }).click();
  await expect(page.getByTestId('status')).toHaveText('cancelled');
  expect((await customer.call('POST', `/api/orders/${order.id}/cancel`)).status()).toBe(409);
});

test('nobody sees the orders of somebody else', async ({ customer, login, product }) => {
  const order = await customer.order([product, 1]);
  const alice = await login(ALICE);
  expect((await alice.call('GET', `/api/orders/${order.id}`)).status()).toBe(404);
});
