// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { leak, pause } from './leak.cjs';

test('opens the harbour', pause);
test('forgets a server', leak);
test('closes the harbour', async () => expect(await pause()).toBe(undefined));
test('sinks a ship', () => {
  throw new Error('a hole');
});
