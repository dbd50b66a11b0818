// SPDX-License-Identifier: MIT
import { ALICE, expect, test } from './support.js';

test('an order takes from the stock and a cancelled one gives back', async ({ page, customer, product }) => {
  const order = await customer.order([product, 5]);
  await page.goto(`/#/product/${product.id}`);
  await expect(page.locator('.stock')).toHaveText('Sold out');
  await customer.call('POST', `/api/orders/${order.id}/cancel`);
  await page.reload();
  await expect(page.locator('.stock')).toHaveText('5 in stock');
});

test('the last piece is sold once', async ({ customer, login, product }) => {
  const alice = await login(ALICE);
  await customer.fillCart([product, 3]);
  await alice.fillCart([product, 3]);
  const data = { address: 'Pier 7' };
  const answers = await Promise.all(
    [customer, alice].map((person) => person.call('POST', '/api/orders', data)),
  );
  expect(answers.map((answer) => answer.status()).sort()).toEqual([201, 409]);
  expect((await customer.get(`/api/products/${product.id}`)).stock).toBe(2);
  await alice.call('DELETE', `/api/cart/${product.id}`);
});
