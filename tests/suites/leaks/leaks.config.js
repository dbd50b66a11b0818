// SPDX-License-Identifier: MIT
// The API project of a suite whose servers somebody else has started.
import { defineConfig } from '@playwright/test';

export default defineConfig({ testDir: '..', testMatch: 'leaks/leaks.spec.js', workers: 1, reporter: 'list' });
