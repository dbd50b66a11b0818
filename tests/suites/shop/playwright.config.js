// SPDX-License-Identifier: MIT
import { defineConfig } from '@playwright/test';

const areas = [
  'auth', 'register', 'catalog', 'search', 'product', 'cart', 'checkout', 'orders', 'live-orders', 'production', 'inventory',
  'admin', 'pricing', 'api', 'cors', 'database', 'operations',
];

export default defineConfig({
  testDir: 'e2e',
  globalSetup: './db/setup.js',
  workers: 1,
  retries: 0,
  forbidOnly: !!process.env.CI,
  reporter: 'list',
  timeout: 90_000,
  expect: { timeout: 20_000 },
  use: {
    baseURL: 'http://localhost:5278',
    actionTimeout: 30_000,
    navigationTimeout: 60_000,
    trace: 'off',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: '/usr/bin/chromium',
      timeout: 90_000,
      args: [
        '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage',
        '--disable-background-networking', '--disable-component-update', '--disable-sync',
      ],
    },
  },
  projects: areas.map((name) => ({ name, testMatch: `${name}.spec.js` })),
  webServer: [
    {
      name: 'postgres',
      command: 'node scripts/postgres.js',
      port: 5432,
      reuseExistingServer: true,
      gracefulShutdown: { signal: 'SIGTERM', timeout: 20_000 },
      timeout: 120_000,
    },
    {
      name: 'pricing',
      command: 'python3 services/pricing/pricing.py',
      url: 'http://localhost:3103/health',
      reuseExistingServer: !process.env.CI,
      timeout: 120_000,
    },
    {
      name: 'backend',
      command: 'node backend/server.js',
      url: 'http://localhost:3101/health',
      reuseExistingServer: !process.env.CI,
      gracefulShutdown: { signal: 'SIGTERM', timeout: 10_000 },
      timeout: 120_000,
    },
    {
      name: 'frontend',
      command: 'node frontend/server.js',
      url: 'http://localhost:5278',
      reuseExistingServer: !process.env.CI,
      timeout: 120_000,
    },
  ],
});
