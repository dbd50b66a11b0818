// SPDX-License-Identifier: MIT
// What a handler needs of HTTP: errors with a status, JSON bodies, CORS, and a table of routes.
export const ORIGIN = 'http://localhost:5278';

export class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const BODY_MAX = 100_000;

// A body that is too large is read to its end all the same: the connection stays fit for the next request.
export async function readJson(request) {
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length <= BODY_MAX) chunks.push(chunk);
  }
  if (length > BODY_MAX) throw new HttpError(413, 'body too large');
  const text = Buffer.concat(chunks).toString();
  if (!text) return {};
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpError(400, 'body is not JSON');
  }
}

// Only our own frontend may call from a browser; programs send no Origin and are let in.
export function applyCors(request, response) {
  const { origin } = request.headers;
  response.setHeader('Vary', 'Origin');
  if (!origin) return true;
  if (origin !== ORIGIN) return false;
  response.setHeader('Access-Control-Allow-Origin', ORIGIN);
  response.setHeader('Access-Control-Allow-Headers', 'Authorization, Content-Type');
  response.setHeader('Access-Control-Allow-Methods', 'GET, POST, PUT, PATCH, DELETE');
  response.setHeader('Access-Control-Max-Age', '600');
  return true;
}

export function sendJson(response, status, body) {
  if (body === undefined) return response.writeHead(status).end();
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  });
  return response.end(text);
}

// ['GET /api/products/:id', handler] pairs become matchers; the first that fits wins.
export function compileRoutes(routes) {
  return routes.map(([pattern, handler]) => {
    const [method, path] = pattern.split(' ');
    const expression = new RegExp(`^${path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
    return { method, expression, handler };
  });
}

export function findRoute(routes, method, pathname) {
  const fitting = routes.filter((route) => route.expression.test(pathname));
  if (!fitting.length) throw new HttpError(404, 'not found');
  const route = fitting.find((candidate) => candidate.method === method);
  if (!route) throw new HttpError(405, 'method not allowed');
  return { handler: route.handler, params: { ...route.expression.exec(pathname).groups } };
}
