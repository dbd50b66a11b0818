// SPDX-License-Identifier: MIT
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { API, expect, PRICING, test } from './support.js';

const ROOT = path.resolve(fileURLToPath(import.meta.url), '../..');

test('every service is healthy on its own port', async ({ request }) => {
  const backend = await (await request.get(`${API}/health`)).json();
  expect(backend).toMatchObject({ status: 'ok', port: 3101, database: 'mes_e2e_db', directory: ROOT });
  expect(await (await request.get(`${PRICING}/health`)).json()).toEqual({ status: 'ok', port: 3103 });
});

function runToTheEnd(command, ...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (data) => {
      errors += data;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, errors }));
  });
}

test('a second backend finds its port in use', async () => {
  const { code, errors } = await runToTheEnd('node', 'backend/server.js');
  expect(code).toBe(1);
  expect(errors).toContain('EADDRINUSE');
  expect(errors).toContain(':3101');
});

test('a second pricing service finds its port in use', async () => {
  const { code, errors } = await runToTheEnd('python3', 'services/pricing/pricing.py');
  expect(code).not.toBe(0);
  expect(errors).toContain('Address already in use');
});
