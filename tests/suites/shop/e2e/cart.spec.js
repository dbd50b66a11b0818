// SPDX-License-Identifier: MIT
import { expect, test } from './support.js';

test('products are added, counted and removed', async ({ page, customer, product }) => {
  await customer.browse(page, `#/product/${product.id}`);
  await page.getByLabel('Quantity').fill('2');
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await expect(page.getByRole('status')).toHaveText(`${product.name} is in your cart`);
  await page.getByRole('link', { name: 'Cart' }).click();
  await expect(page.getByRole('cell', { name: '40.00 EUR' })).toBeVisible();
  await page.getByLabel(`Quantity of ${product.name}`).fill('3');
  await page.getByLabel(`Quantity of ${product.name}`).press('Tab');
  await expect(page.getByRole('cell', { name: '60.00 EUR' })).toBeVisible();
  expect(await customer.get('/api/cart')).toMatchObject([{ product_id: product.id, quantity: 3 }]);
  await page.getByRole('button', { name: `Remove ${product.name}` }).click();
  await expect(page.getByText('Your cart is empty')).toBeVisible();
});

test('a cart never holds more than the stock', async ({ customer, product }) => {
  const answer = await customer.call('PUT', `/api/cart/${product.id}`, { quantity: 6 });
  expect(answer.status()).toBe(409);
  expect(await answer.json()).toEqual({ error: 'only 5 in stock' });
  expect(await customer.get('/api/cart')).toEqual([]);
});
