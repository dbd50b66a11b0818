// SPDX-License-Identifier: MIT
// Two tests that run at the same time, each in a process of its own, with a server that it forgets.
import { existsSync, writeFileSync } from 'node:fs';
import { test } from '@playwright/test';
import { leakOn, pause } from './leak.cjs';

const ports = [3171, 3172];

test.describe.configure({ mode: 'parallel' });
for (const port of ports) {
  test(`forgets ${port}`, async () => {
    writeFileSync(`begun-${port}`, '');
    while (!ports.every((one) => existsSync(`begun-${one}`))) await pause();
    await leakOn(port);
  });
}
