// SPDX-License-Identifier: MIT
// Start serve.py in a session of its own and come back when it listens.
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

exports.leakOn = async (port) => {
  const child = spawn(path.join(__dirname, 'serve.py'), [port], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  child.unref();
};
exports.leak = () => exports.leakOn(3166);
exports.pause = () => new Promise((resolve) => setTimeout(resolve, 30));
