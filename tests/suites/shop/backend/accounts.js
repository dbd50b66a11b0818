// SPDX-License-Identifier: MIT
// Who is calling: registration, log-in, bearer tokens and roles.
import { randomBytes } from 'node:crypto';
import { query } from './database.js';
import { HttpError } from './http.js';
import { hashPassword, verifyPassword } from './passwords.js';

const PUBLIC = 'id, email, name, role';

async function openSession(user) {
  const token = randomBytes(24).toString('hex');
  await query('INSERT INTO sessions (token, user_id) VALUES ($1, $2)', [token, user.id]);
  const { id, email, name, role } = user;
  return { token, user: { id, email, name, role } };
}

export async function userOfToken(token) {
  if (!token) return null;
  const [user] = await query(
    `SELECT u.id, u.email, u.name, u.role FROM sessions s JOIN users u ON u.id = s.user_id
     WHERE s.token = $1`,
    [token],
  );
  return user ?? null;
}

export function requireUser(context, ...roles) {
  if (!context.user) throw new HttpError(401, 'log in first');
  if (roles.length && !roles.includes(context.user.role)) throw new HttpError(403, 'not allowed');
  return context.user;
}

async function register({ body }) {
  const { email, name, password } = body;
  if (!/^\S+@\S+$/.test(email ?? '')) throw new HttpError(422, 'email is not valid');
  if (!name) throw new HttpError(422, 'name is missing');
  if ((password ?? '').length < 8) throw new HttpError(422, 'password needs 8 characters');
  const [user] = await query(
    `INSERT INTO users (email, name, password_hash) VALUES ($1, $2, $3)
     ON CONFLICT (email) DO NOTHING RETURNING ${PUBLIC}`,
    [email, name, hashPassword(password)],
  );
  if (!user) throw new HttpError(409, 'email is taken');
  return { status: 201, body: await openSession(user) };
}

async function login({ body }) {
  const [user] = await query(`SELECT ${PUBLIC}, password_hash FROM users WHERE email = $1`, [
    body.email ?? '',
  ]);
  if (!user || !verifyPassword(body.password ?? '', user.password_hash))
    throw new HttpError(401, 'wrong email or password');
  return { body: await openSession(user) };
}

async function logout(context) {
  requireUser(context);
  await query('DELETE FROM sessions WHERE token = $1', [context.token]);
  return { status: 204 };
}

export const accountRoutes = [
  ['POST /api/register', register],
  ['POST /api/login', login],
  ['POST /api/logout', logout],
  ['GET /api/me', async (context) => ({ body: requireUser(context) })],
];
