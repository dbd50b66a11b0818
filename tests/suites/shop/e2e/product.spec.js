// SPDX-License-Identifier: MIT
import { API, expect, test } from './support.js';

test('a product has a page of its own', async ({ page, product }) => {
  await page.goto(`/#/product/${product.id}`);
  await expect(page.getByRole('heading', { name: product.name })).toBeVisible();
  await expect(page.locator('.price')).toHaveText('20.00 EUR');
  await expect(page.locator('.stock')).toHaveText('5 in stock');
});

test('buying asks a visitor to log in', async ({ page, product }) => {
  await page.goto(`/#/product/${product.id}`);
  await page.getByRole('button', { name: 'Add to cart' }).click();
  await expect(page.getByRole('heading', { name: 'Log in' })).toBeVisible();
});

test('an unknown product is not found', async ({ page, request }) => {
  expect((await request.get(`${API}/api/products/999999`)).status()).toBe(404);
  await page.goto('/#/product/999999');
  await expect(page.getByRole('alert')).toHaveText('no such product');
});
