// SPDX-License-Identifier: MIT
import { test } from 'node:test';
import { leak, pause } from './leak.cjs';

test('opens the harbour', pause);
test('forgets a server', leak);
test('closes the harbour', pause);
test('sinks a ship', () => {
  throw new Error('a hole');
});
