// SPDX-License-Identifier: MIT
import { API, ALICE, expect, test, unique } from './support.js';

test('a visitor registers and is logged in', async ({ page, database }) => {
  const email = `${unique('visitor')}@example.test`;
  await page.goto('/#/register');
  await page.getByLabel('Name').fill('Vera Visitor');
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill('long-enough');
  await page.getByRole('button', { name: 'Register' }).click();
  await expect(page.getByText('Vera Visitor')).toBeVisible();
  const { rows } = await database.query('SELECT role, password_hash FROM users WHERE email = $1', [email]);
  expect(rows).toHaveLength(1);
  expect(rows[0].role).toBe('customer');
  expect(rows[0].password_hash).not.toContain('long-enough');
});

test('bad registrations are refused', async ({ request }) => {
  const good = { email: `${unique('visitor')}@example.test`, name: 'Vera', password: 'long-enough' };
  const cases = [
    [{ email: 'nobody' }, 422],
    [{ name: '' }, 422],
    [{ password: 'short' }, 422],
    [{ email: ALICE.email }, 409],
  ];
  for (const [change, status] of cases) {
    const answer = await request.post(`${API}/api/register`, { data: { ...good, ...change } });
    expect(answer.status(), JSON.stringify(change)).toBe(status);
  }
});
