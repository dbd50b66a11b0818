// SPDX-License-Identifier: MIT
import { ALICE, expect, test } from './support.js';

async function logIn(page, { email, password }) {
  await page.goto('/#/login');
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

test('a customer logs in, stays logged in after a reload and logs out', async ({ page }) => {
  await logIn(page, ALICE);
  await expect(page.getByText('Alice Buyer')).toBeVisible();
  await page.reload();
  await expect(page.getByText('Alice Buyer')).toBeVisible();
  await page.getByRole('button', { name: 'Log out' }).click();
  await expect(page.getByRole('link', { name: 'Log in' })).toBeVisible();
});

test('a wrong password is refused', async ({ page }) => {
  await logIn(page, { ...ALICE, password: 'wrong' });
  await expect(page.getByRole('alert')).toHaveText('wrong email or password');
  await expect(page.getByRole('link', { name: 'Register' })).toBeVisible();
});

test('a token dies with its session', async ({ login }) => {
  const alice = await login(ALICE);
  expect((await alice.get('/api/me')).name).toBe('Alice Buyer');
  expect((await alice.call('POST', '/api/logout')).status()).toBe(204);
  expect((await alice.call('GET', '/api/me')).status()).toBe(401);
});
