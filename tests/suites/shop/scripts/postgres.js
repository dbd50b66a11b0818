// SPDX-License-Identifier: MIT
// Runs a throw-away PostgreSQL on port 5432 in the foreground, with the shop's role and an empty database.
// When a server already answers there, it is used as it is: this script then only waits to be stopped.
// SIGTERM, SIGINT or the end of the server removes the data directory again.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, mkdirSync, readdirSync, rmSync, chownSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const PORT = 5432;
const BOOTSTRAP_SQL = [
  "CREATE ROLE mes_user LOGIN CREATEDB PASSWORD 'mes_password'",
  'CREATE DATABASE mes_e2e_db OWNER mes_user',
];

function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function findBinaries() {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest ? `/usr/lib/postgresql/${newest}/bin` : '/usr/bin';
}

// PostgreSQL refuses to run as root, so root hands it to the account of Debian's package, or to nobody.
function findAccount() {
  if (process.getuid() !== 0) return null;
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = ['-u', '-g'].map((flag) =>
        Number(execFileSync('id', [flag, name], { stdio: 'pipe' })),
      );
      return { uid, gid };
    } catch {
      /* no such account here */
    }
  }
  throw new Error('neither postgres nor nobody exists on this machine');
}

const account = findAccount();
const bin = findBinaries();

function asAccount(program, args) {
  if (!account) return [path.join(bin, program), args];
  const drop = [`--reuid=${account.uid}`, `--regid=${account.gid}`, '--clear-groups'];
  return ['setpriv', [...drop, path.join(bin, program), ...args]];
}

function fillCluster(data) {
  const init = ['-D', data, '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--no-sync'];
  init.push('--auth-local=trust', '--auth-host=scram-sha-256');
  execFileSync(...asAccount('initdb', init), { cwd: data, stdio: ['ignore', 'ignore', 'inherit'] });
  const single = ['--single', '-F', '-c', 'log_min_messages=fatal', '-D', data, 'postgres'];
  execFileSync(...asAccount('postgres', single), {
    cwd: data,
    input: `${BOOTSTRAP_SQL.join('\n')}\n`,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
}

function createCluster() {
  // That account may not be able to enter root's own TMPDIR.
  const home = mkdtempSync(path.join(account ? '/tmp' : tmpdir(), 'shop-postgres-'));
  const data = path.join(home, 'pgdata');
  try {
    mkdirSync(data, { mode: 0o700 });
    if (account) for (const folder of [home, data]) chownSync(folder, account.uid, account.gid);
    fillCluster(data);
    return { home, data };
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}

function startServer({ home, data }) {
  const settings = {
    port: PORT,
    listen_addresses: 'localhost',
    unix_socket_directories: '.', // in the data directory
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: 40,
    shared_buffers: '16MB',
    log_min_messages: 'fatal',
  };
  const args = ['-D', data, ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])];
  const [program, argv] = asAccount('postgres', args);
  const server = spawn(program, argv, { cwd: data, stdio: ['ignore', 'inherit', 'inherit'] });
  let stopping = false;
  stop = () => {
    stopping = true;
    server.kill('SIGINT');
  };
  server.on('error', (error) => {
    throw error;
  });
  server.on('exit', (code) => {
    rmSync(home, { recursive: true, force: true });
    process.exit(stopping ? 0 : code || 1);
  });
}

let stop = () => process.exit(0);
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stop());

if (await answers(PORT)) {
  console.log(`a server already answers on port ${PORT}: using it`);
  setInterval(() => {}, 60_000);
} else {
  const cluster = createCluster();
  startServer(cluster);
  console.log(`postgresql listens on localhost:${PORT}, data in ${cluster.data}`);
}
