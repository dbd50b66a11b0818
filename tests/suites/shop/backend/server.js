// SPDX-License-Identifier: MIT
// The shop's API on port 3101.
import http from 'node:http';
import { accountRoutes, userOfToken } from './accounts.js';
import { catalogRoutes } from './catalog.js';
import { pool, query } from './database.js';
import { startEvents } from './events.js';
import { applyCors, compileRoutes, findRoute, HttpError, readJson, sendJson } from './http.js';
import { orderRoutes } from './orders.js';

const PORT = 3101;

async function health({ request }) {
  const [row] = await query('SELECT current_database() AS database, inet_server_port() AS database_port');
  return {
    body: {
      status: 'ok',
      pid: process.pid,
      directory: process.cwd(),
      port: request.socket.localPort,
      ...row,
    },
  };
}

const routes = compileRoutes([['GET /health', health], ...accountRoutes, ...catalogRoutes, ...orderRoutes]);

async function handle(request, response) {
  if (!applyCors(request, response)) throw new HttpError(403, 'origin not allowed');
  if (request.method === 'OPTIONS') return sendJson(response, 204);
  const url = new URL(request.url, 'http://localhost:3101');
  const { handler, params } = findRoute(routes, request.method, url.pathname);
  const token = /^Bearer (\w+)$/.exec(request.headers.authorization ?? '')?.[1];
  const context = { request, params, search: url.searchParams, token, user: await userOfToken(token) };
  context.body = request.method === 'GET' ? {} : await readJson(request);
  const { status = 200, body } = await handler(context);
  return sendJson(response, status, body);
}

const server = http.createServer((request, response) => {
  handle(request, response).catch((error) => {
    if (!(error instanceof HttpError)) console.error(error);
    sendJson(response, error.status ?? 500, {
      error: error instanceof HttpError ? error.message : 'internal error',
    });
  });
});

server.on('error', (error) => {
  console.error(`backend: ${error.message}`);
  process.exit(1);
});

const stopEvents = await startEvents(server);
// A slow client must not meet the end of a connection that it uses again.
server.keepAliveTimeout = 0;
server.listen(PORT, 'localhost', () => console.log(`backend listens on ${PORT}`));

process.on('SIGTERM', async () => {
  server.close();
  server.closeAllConnections();
  await stopEvents();
  await pool.end();
});
