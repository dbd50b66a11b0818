// SPDX-License-Identifier: MIT
// The browser's side of the API, and the session that it keeps in localStorage.
const API = 'http://localhost:3101';
const EVENTS = 'ws://localhost:3101/ws';

export const session = {
  get current() {
    return JSON.parse(localStorage.getItem('session') ?? 'null');
  },
  set current(value) {
    if (value) localStorage.setItem('session', JSON.stringify(value));
    else localStorage.removeItem('session');
  },
  get user() {
    return this.current?.user ?? null;
  },
};

export async function call(method, path, body) {
  const headers = {};
  if (session.current) headers.Authorization = `Bearer ${session.current.token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const answer = await fetch(API + path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const result = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(result.error);
  return result;
}

// Calls onEvent for each event until the returned function is called.
export function listen(onEvent, onState) {
  const socket = new WebSocket(`${EVENTS}?token=${session.current.token}`);
  socket.addEventListener('open', () => onState('live'));
  socket.addEventListener('close', () => onState('offline'));
  socket.addEventListener('message', ({ data }) => onEvent(JSON.parse(data)));
  return () => socket.close();
}
