// SPDX-License-Identifier: MIT
// Order events reach the browser over a WebSocket: the database notifies one listening client of ours, which
// tells every socket that may know. Customers hear of their own orders, staff of all.
import pg from 'pg';
import { WebSocketServer } from 'ws';
import { userOfToken } from './accounts.js';
import { DATABASE_URL } from './database.js';
import { ORIGIN } from './http.js';

const PATH = '/ws';

function refuse(socket, status) {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

async function admit(sockets, request, socket, head) {
  const url = new URL(request.url, 'http://localhost:3101');
  const { origin } = request.headers;
  if (url.pathname !== PATH) return refuse(socket, '404 Not Found');
  if (origin && origin !== ORIGIN) return refuse(socket, '403 Forbidden');
  const user = await userOfToken(url.searchParams.get('token'));
  if (!user) return refuse(socket, '401 Unauthorized');
  return sockets.handleUpgrade(request, socket, head, (client) => {
    client.user = user;
    client.send(JSON.stringify({ type: 'hello', user_id: user.id }));
  });
}

export async function startEvents(server) {
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    admit(sockets, request, socket, head).catch(() => refuse(socket, '500 Internal Server Error'));
  });
  const listener = new pg.Client({ connectionString: DATABASE_URL });
  listener.on('error', (error) => {
    console.error(`events: listener lost: ${error.message}`);
    process.exit(1);
  });
  listener.on('notification', ({ payload }) => {
    const event = JSON.parse(payload);
    for (const client of sockets.clients) {
      if (client.user.role !== 'customer' || client.user.id === event.user_id) client.send(payload);
    }
  });
  await listener.connect();
  await listener.query('LISTEN order_events');
  return async () => {
    for (const client of sockets.clients) client.terminate();
    await listener.end();
  };
}
