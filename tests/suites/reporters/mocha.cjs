// SPDX-License-Identifier: MIT
const { leak, pause } = require('./leak.cjs');

it('opens the harbour', pause);
it('forgets a server', leak);
it('closes the harbour', pause);
it('sinks a ship', () => {
  throw new Error('a hole');
});
