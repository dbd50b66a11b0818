// SPDX-License-Identifier: MIT
const { leak, pause } = require('./leak.cjs');

test('opens the harbour', pause);
test('forgets a server', leak);
test('closes the harbour', pause);
test('sinks a ship', () => {
  throw new Error('a hole');
});
