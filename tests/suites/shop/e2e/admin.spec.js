// SPDX-License-Identifier: MIT
import { ADA, expect, test, unique } from './support.js';

test('an admin adds and removes a product', async ({ page, login }) => {
  const ada = await login(ADA);
  const sku = unique('NEW');
  const name = `Compass ${sku}`;
  await ada.browse(page, '#/admin');
  await page.getByLabel('SKU').fill(sku);
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Price').fill('12.50');
  await page.getByRole('button', { name: 'Add product' }).click();
  await expect(page.getByRole('status')).toHaveText(`${name} added`);
  await expect(page.getByRole('row', { name: sku })).toContainText('12.50 EUR');
  await page.getByRole('button', { name: `Remove ${name}` }).click();
  await expect(page.getByRole('row', { name: sku })).toHaveCount(0);
});

test('products are checked', async ({ customer, login, product }) => {
  const ada = await login(ADA);
  expect((await customer.call('PATCH', `/api/products/${product.id}`, { price_cents: 1 })).status()).toBe(
    403,
  );
  expect((await ada.call('PATCH', `/api/products/${product.id}`, { price_cents: 0 })).status()).toBe(422);
  expect((await ada.call('POST', '/api/products', product)).status()).toBe(409);
  expect(await (await ada.call('PATCH', `/api/products/${product.id}`, { stock: 9 })).json()).toMatchObject({
    stock: 9,
  });
});
