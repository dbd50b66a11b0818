// SPDX-License-Identifier: MIT
// What suites forget, a test each. The shop's specs are around it, so that each leak has to be found among what is in order.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from '@playwright/test';
import pg from 'pg';

const DATABASE_URL = 'postgresql://mes_user:mes_password@localhost:5432/mes_e2e_db';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function start(...words) {
  const child = spawn(process.execPath, words, { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.stdout.destroy();
  child.unref();
  return child;
}

test('all in order', async () => sleep(50));

test('forgets a mail server', async () => {
  await start('leaks/server.js', '3199');
});

test('forgets a process', async () => {
  await sleep(30); // where the monitor and /proc count processes differently, in a container, its time is known to 10 ms
  spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }).unref();
  await sleep(30);
});

test('forgets a transaction', async () => {
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  await client.query('begin');
  await client.query('select 1');
});

test('asks a server that hoards connections', async () => {
  await start('leaks/server.js', '3198', 'hoard');
  for (let i = 0; i < 4; i++) {
    const socket = connect(3198, '127.0.0.1');
    await once(socket, 'data');
    socket.destroy();
  }
});

test('asks whoever is on 3105', async () => {
  const answer = await fetch('http://127.0.0.1:3105/');
  expect(await answer.text()).toContain('server.js');
});

test('asks whoever is on 3101', async () => {
  test.skip(!!process.env.SHOP, 'the shop has a server of its own there');
  const answer = await fetch('http://127.0.0.1:3101/');
  expect(await answer.text()).toContain('server.js');
});

test('takes its time', async () => sleep(7000));
