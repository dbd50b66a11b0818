// SPDX-License-Identifier: MIT
import { expect, PRICING, test } from './support.js';

const line = (category, price_cents, quantity) => ({ category, price_cents, quantity });

test('the pricing service adds tax, discount and shipping', async ({ request }) => {
  const quote = async (data) => (await request.post(`${PRICING}/quote`, { data })).json();
  expect(await quote({ lines: [line('books', 1000, 2)] })).toEqual({
    subtotal_cents: 2000,
    discount_cents: 0,
    tax_cents: 140,
    shipping_cents: 490,
    total_cents: 2630,
  });
  expect(await quote({ lines: [line('bikes', 10000, 1)], discount: 'HARBOUR25' })).toEqual({
    subtotal_cents: 10000,
    discount_cents: 2500,
    tax_cents: 1425,
    shipping_cents: 0,
    total_cents: 8925,
  });
  expect((await quote({ lines: [] })).total_cents).toBe(0);
});

test('bad quotes are refused', async ({ request }) => {
  const statuses = [];
  for (const data of [
    {},
    { lines: [line('books', 0, 1)] },
    { lines: [], discount: 'FREE' },
    { lines: [{}] },
  ]) {
    statuses.push((await request.post(`${PRICING}/quote`, { data })).status());
  }
  expect(statuses).toEqual([422, 422, 422, 422]);
});

test('the backend passes the verdict on a discount code to the customer', async ({ customer, product }) => {
  await customer.fillCart([product, 1]);
  const answer = await customer.call('POST', '/api/quote', { discount: 'FREE' });
  expect(answer.status()).toBe(422);
  expect(await answer.json()).toEqual({ error: 'unknown discount code: FREE' });
});
