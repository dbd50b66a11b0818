// SPDX-License-Identifier: MIT
// Start serve.py in a session of its own and come back when it listens.
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');

exports.leak = async () => {
  const child = spawn(path.join(__dirname, 'serve.py'), { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  child.unref();
};
exports.pause = () => new Promise((resolve) => setTimeout(resolve, 30));
