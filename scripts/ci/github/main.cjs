// SPDX-License-Identifier: MIT
// The GitHub Action: unpacks Berth for this and later steps, and runs the suite. In its post step it
// removes what dead runs have left. Reports, annotations and the summary are written by berth.
'use strict';
const { spawnSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const { appendFileSync, mkdirSync, readFileSync } = require('node:fs');
const path = require('node:path');

const { env } = process;
const input = (name) => (env[`INPUT_${name.toUpperCase()}`] ?? '').trim();
const tell = (file, line) => appendFileSync(env[file], `${line}\n`);

function execute(program, args) {
  const { status, signal, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error) throw error;
  return signal ? 125 : status;
}

async function read(archive) {
  if (!/^https:/.test(archive)) return readFileSync(archive);
  const answer = await fetch(archive);
  if (!answer.ok) throw new Error(`'${archive}': ${answer.status} ${answer.statusText}`);
  return Buffer.from(await answer.arrayBuffer());
}

async function install() {
  const bytes = await read(input('archive'));
  const sum = createHash('sha256').update(bytes).digest('hex');
  if (input('sha256') && input('sha256') !== sum)
    throw new Error(`'${input('archive')}' has the sum ${sum}`);
  const dir = path.join(env.RUNNER_TEMP, `berth-${sum.slice(0, 16)}`);
  mkdirSync(dir, { recursive: true });
  const unpack = ['xz', '-C', dir, '--strip-components=1'];
  const { status } = spawnSync('tar', unpack, { input: bytes, stdio: ['pipe', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`tar cannot unpack '${input('archive')}'`);
  return path.join(dir, 'bin');
}

async function main() {
  if (env.STATE_bin) return execute(path.join(env.STATE_bin, 'berth'), ['reap']);
  const bin = await install();
  tell('GITHUB_STATE', `bin=${bin}`);
  tell('GITHUB_PATH', bin);
  tell('GITHUB_OUTPUT', `path=${bin}`);
  env.PATH = `${bin}:${env.PATH}`;
  const command = input('command');
  return command ? execute('sh', ['-c', `exec berth run ${input('options')} -- ${command}`]) : 0;
}

main().then(
  (status) => process.exit(status),
  (error) => {
    console.log(`::error::unable to install Berth: ${error.message}`);
    process.exit(125);
  },
);
