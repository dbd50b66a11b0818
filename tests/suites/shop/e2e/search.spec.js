// SPDX-License-Identifier: MIT
import { API, expect, test } from './support.js';

test('search finds by part of a name', async ({ page }) => {
  await page.goto('/');
  await page.getByLabel('Search').fill('knots');
  await page.getByLabel('Search').press('Enter');
  await expect(page.getByRole('heading', { level: 2 })).toHaveText(['Book of Knots']);
  await page.getByLabel('Search').fill('submarine');
  await page.getByLabel('Search').press('Enter');
  await expect(page.getByText('Nothing found')).toBeVisible();
});

test('products are sorted by price', async ({ request }) => {
  for (const [sort, direction] of [
    ['cheap', 1],
    ['dear', -1],
  ]) {
    const products = await (await request.get(`${API}/api/products?sort=${sort}`)).json();
    const prices = products.map((product) => product.price_cents);
    expect(prices.length).toBeGreaterThan(7);
    expect(prices).toEqual([...prices].sort((a, b) => direction * (a - b)));
  }
  expect((await request.get(`${API}/api/products?sort=colour`)).status()).toBe(400);
});
