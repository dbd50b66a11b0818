// SPDX-License-Identifier: MIT
import { API, expect, SHOP, test } from './support.js';

test('the browser may call the API from the shop', async ({ page }) => {
  await page.goto('/');
  const result = await page.evaluate(async (api) => {
    const answer = await fetch(`${api}/api/me`, { headers: { Authorization: 'Bearer nothing' } });
    return { origin: location.origin, status: answer.status };
  }, API);
  expect(result).toEqual({ origin: SHOP, status: 401 });
});

test('the browser may not call it from another origin', async ({ page }) => {
  await page.goto(`${SHOP.replace('localhost', '127.0.0.1')}/anchor.svg`);
  const result = await page.evaluate(
    (api) =>
      fetch(`${api}/api/products`).then(
        (answer) => answer.status,
        (error) => error.name,
      ),
    API,
  );
  expect(result).toBe('TypeError');
});

test('preflights name the shop as the only origin', async ({ request }) => {
  const preflight = (origin) =>
    request.fetch(`${API}/api/orders`, {
      method: 'OPTIONS',
      headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
    });
  const allowed = await preflight(SHOP);
  expect(allowed.status()).toBe(204);
  expect(allowed.headers()['access-control-allow-origin']).toBe('http://localhost:5278');
  const refused = await preflight('http://localhost:5279');
  expect(refused.status()).toBe(403);
  expect(refused.headers()['access-control-allow-origin']).toBeUndefined();
});
