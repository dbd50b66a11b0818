#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// The command of the npm package: becomes the `berth` of this platform's package, as if executed
// directly: same arguments, terminal, signals and exit status.
'use strict';
const { spawn } = require('node:child_process');
const path = require('node:path');

function fail(text, hint) {
  process.stderr.write(`berth: ${text}\n${hint ? `hint: ${hint}\n` : ''}`);
  process.exit(125);
}

if (process.platform !== 'linux') fail(`unable to run on '${process.platform}': Berth needs Linux`);
const scope = require('./package.json').name.split('/')[0];
const name = `${scope}/linux-${process.arch}-gnu`;
let program;
try {
  program = path.join(path.dirname(require.resolve(`${name}/package.json`)), 'bin', 'berth');
} catch {
  fail(`unable to find the package '${name}'`, 'npm install --include=optional; it needs glibc');
}
const args = process.argv.slice(2);
// Node 22.15 and later can execute a program in place. Its warning would come in the next tick.
if (process.execve) {
  // Node ignores these two. The program would inherit that; the end of a listener sets the default.
  for (const signal of ['SIGPIPE', 'SIGXFSZ']) process.on(signal, () => {}).removeAllListeners(signal);
  process.execve(program, [program, ...args], process.env);
}

const child = spawn(program, args, { stdio: 'inherit' });
child.on('error', (error) => fail(`unable to start '${program}': ${error.message}`));
// A terminal sends SIGINT and SIGQUIT to both processes; a second one would end the run at once.
for (const signal of ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']) {
  const twice = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
  process.on(signal, () => twice || child.kill(signal));
}
child.on('exit', (status, signal) => {
  if (!signal) process.exit(status);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
