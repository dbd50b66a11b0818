// SPDX-License-Identifier: MIT
// server.js PORT [hoard]: answers every connection and closes it; one that hoards never closes what its clients have left.
import { createServer } from 'node:net';

const [port, hoard] = process.argv.slice(2);
const hoarded = [];

createServer({ allowHalfOpen: !!hoard }, (socket) => {
  socket.on('error', () => {});
  const answer = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nserver.js';
  if (hoard) hoarded.push(socket.resume()) && socket.write(answer);
  else socket.once('data', () => socket.end(answer)) && socket.resume();
}).listen(Number(port), '127.0.0.1', () => process.stdout.write('up\n'));
