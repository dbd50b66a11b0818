// SPDX-License-Identifier: MIT
// Serves the frontend's files on port 5278.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const PORT = 5278;
const ROOT = fileURLToPath(new URL('public/', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

async function serve(request, response) {
  const { pathname } = new URL(request.url, 'http://localhost:5278');
  const file = path.join(ROOT, pathname.endsWith('/') ? `${pathname}index.html` : pathname);
  const found =
    file.startsWith(ROOT) &&
    (await stat(file).then(
      (entry) => entry.isFile(),
      () => false,
    ));
  if (!found) return response.writeHead(404).end('not found');
  response.writeHead(200, {
    'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream',
    'Cache-Control': 'no-store',
  });
  return createReadStream(file).pipe(response);
}

const server = http.createServer((request, response) => {
  serve(request, response).catch(() => response.writeHead(400).end('bad request'));
});

server.on('error', (error) => {
  console.error(`frontend: ${error.message}`);
  process.exit(1);
});

// A slow client must not meet the end of a connection that it uses again.
server.keepAliveTimeout = 0;
server.listen(PORT, 'localhost', () => console.log(`frontend listens on ${server.address().port}`));
