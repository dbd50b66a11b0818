// SPDX-License-Identifier: MIT
import { API, expect, test } from './support.js';

test('errors are JSON with an honest status', async ({ request, customer }) => {
  const cases = [
    [await request.get(`${API}/api/nothing`), 404, 'not found'],
    [await request.put(`${API}/api/products`), 405, 'method not allowed'],
    [await request.get(`${API}/api/cart`), 401, 'log in first'],
    [
      await request.post(`${API}/api/login`, {
        data: Buffer.from('{'),
        headers: { 'Content-Type': 'application/json' },
      }),
      400,
      'body is not JSON',
    ],
    [await customer.call('POST', '/api/orders', { address: 'Pier 7' }), 409, 'cart is empty'],
    [await customer.call('POST', '/api/products', {}), 403, 'not allowed'],
  ];
  for (const [answer, status, error] of cases) {
    expect(answer.status(), error).toBe(status);
    expect(await answer.json()).toEqual({ error });
  }
});

test('a large body is refused', async ({ request }) => {
  const answer = await request.post(`${API}/api/login`, { data: { email: 'x'.repeat(200_000) } });
  expect(answer.status()).toBe(413);
});

test('many calls at once are all answered', async ({ customer }) => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => customer.get('/api/me')));
  expect(new Set(answers.map((user) => user.email))).toEqual(new Set([customer.user.email]));
});
