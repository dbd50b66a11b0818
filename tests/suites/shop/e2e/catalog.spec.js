// SPDX-License-Identifier: MIT
import { expect, test } from './support.js';

test('the catalog shows what can be bought', async ({ page }) => {
  await page.goto('/');
  await expect(page.getByRole('heading', { name: 'Catalog' })).toBeVisible();
  const bike = page.locator('[data-sku="BIKE-01"]');
  await expect(bike.getByRole('link', { name: 'Harbour Bike' })).toBeVisible();
  await expect(bike.locator('.price')).toHaveText('649.00 EUR');
  await expect(page.locator('[data-sku="BOOK-02"]')).toContainText('Sold out');
});

test('a category narrows the catalog', async ({ page }) => {
  await page.goto('/');
  await page.getByLabel('Category').selectOption('ropes');
  await expect(page.locator('[data-sku="BIKE-01"]')).toHaveCount(0);
  await expect(page.locator('[data-sku="ROPE-01"]')).toBeVisible();
  await expect(page.locator('[data-sku="ROPE-02"]')).toBeVisible();
});
