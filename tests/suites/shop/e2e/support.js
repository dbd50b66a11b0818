// SPDX-License-Identifier: MIT
// What the specs share: people, products, and a connection to the database.
import { randomUUID } from 'node:crypto';
import { test as base, expect } from '@playwright/test';
import pg from 'pg';

export const API = 'http://localhost:3101';
export const PRICING = 'http://localhost:3103';
export const SHOP = 'http://localhost:5278';
export const EVENTS = 'ws://localhost:3101/ws';
export const DATABASE_URL = 'postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db';

export const ADA = { email: 'ada@example.test', password: 'ada-secret' };
export const ALICE = { email: 'alice@example.test', password: 'alice-secret' };
export const OLGA = { email: 'olga@example.test', password: 'olga-secret' };

export const unique = (prefix) => `${prefix}-${randomUUID().slice(0, 8)}`;

// Somebody who calls the API with a session of their own.
export class Person {
  constructor(request, { token, user }) {
    Object.assign(this, { request, token, user });
  }

  async call(method, path, data) {
    return this.request.fetch(API + path, {
      method,
      data,
      headers: { Authorization: `Bearer ${this.token}` },
    });
  }

  async get(path) {
    return (await this.call('GET', path)).json();
  }

  // Opens the shop in the browser as this person.
  async browse(page, hash = '#/') {
    await page.addInitScript(
      (text) => localStorage.setItem('session', text),
      JSON.stringify({ token: this.token, user: this.user }),
    );
    await page.goto(`/${hash}`);
  }

  async fillCart(...lines) {
    for (const [product, quantity] of lines) {
      const answer = await this.call('PUT', `/api/cart/${product.id}`, { quantity });
      expect(answer.status()).toBe(200);
    }
  }

  async order(...lines) {
    await this.fillCart(...lines);
    const answer = await this.call('POST', '/api/orders', { address: 'Pier 7' });
    expect(answer.status()).toBe(201);
    return answer.json();
  }
}

export const test = base.extend({
  login: async ({ request }, use) => {
    await use(async (credentials) => {
      const answer = await request.post(`${API}/api/login`, { data: credentials });
      expect(answer.status()).toBe(200);
      return new Person(request, await answer.json());
    });
  },
  customer: async ({ request }, use) => {
    const data = { email: `${unique('buyer')}@example.test`, name: 'New Buyer', password: 'a-long-secret' };
    const answer = await request.post(`${API}/api/register`, { data });
    expect(answer.status()).toBe(201);
    await use(new Person(request, await answer.json()));
  },
  // A product that no other test knows.
  product: async ({ login }, use) => {
    const ada = await login(ADA);
    const sku = unique('TEST');
    const data = { sku, name: `Buoy ${sku}`, category: 'lamps', price_cents: 2000, stock: 5 };
    const answer = await ada.call('POST', '/api/products', data);
    expect(answer.status()).toBe(201);
    const product = await answer.json();
    await use(product);
    await ada.call('DELETE', `/api/products/${product.id}`);
  },
  database: async ({}, use) => {
    const client = new pg.Client({ connectionString: DATABASE_URL });
    await client.connect();
    await use(client);
    await client.end();
  },
});

export { expect };
