// SPDX-License-Identifier: MIT
import { expect, test } from './support.js';

test('a customer orders with a discount', async ({ page, customer, product, database }) => {
  await customer.fillCart([product, 2]);
  await customer.browse(page, '#/checkout');
  const quote = page.getByRole('table', { name: 'Quote' });
  await expect(quote.getByRole('row', { name: 'Total' }).last()).toContainText('52.50 EUR');
  await page.getByLabel('Discount code').fill('WELCOME10');
  await page.getByRole('button', { name: 'Apply' }).click();
  await expect(quote.getByRole('row', { name: 'Discount' })).toContainText('4.00 EUR');
  await page.getByLabel('Address').fill('Pier 7, Hamburg');
  await page.getByRole('button', { name: 'Place order' }).click();
  await expect(page.getByRole('heading', { name: /^Order \d+$/ })).toBeVisible();
  await expect(page.getByTestId('total')).toHaveText('47.74 EUR');
  const { rows } = await database.query(
    'SELECT address, discount_code, total_cents FROM orders WHERE user_id = $1',
    [customer.user.id],
  );
  expect(rows).toEqual([{ address: 'Pier 7, Hamburg', discount_code: 'WELCOME10', total_cents: 4774 }]);
});

test('an order needs an address', async ({ page, customer, product }) => {
  await customer.fillCart([product, 1]);
  await customer.browse(page, '#/checkout');
  await page.getByRole('button', { name: 'Place order' }).click();
  await expect(page.getByRole('alert')).toHaveText('address is missing');
  expect(await customer.get('/api/orders')).toEqual([]);
});
