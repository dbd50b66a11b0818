// SPDX-License-Identifier: MIT
// Products and the carts that hold them.
import { query } from './database.js';
import { HttpError } from './http.js';
import { requireUser } from './accounts.js';

const SORTS = { name: 'name', cheap: 'price_cents, name', dear: 'price_cents DESC, name' };
const COLUMNS = 'id, sku, name, category, description, price_cents, stock, active';

async function listProducts({ search }) {
  const sort = SORTS[search.get('sort') ?? 'name'];
  if (!sort) throw new HttpError(400, 'unknown sort');
  const rows = await query(
    `SELECT ${COLUMNS} FROM products
     WHERE active AND ($1 = '' OR name ILIKE '%' || $1 || '%') AND ($2 = '' OR category = $2)
     ORDER BY ${sort}`,
    [search.get('search') ?? '', search.get('category') ?? ''],
  );
  return { body: rows };
}

async function showProduct({ params }) {
  const [product] = await query(`SELECT ${COLUMNS} FROM products WHERE id = $1 AND active`, [
    Number(params.id) || 0,
  ]);
  if (!product) throw new HttpError(404, 'no such product');
  return { body: product };
}

function checkProduct({ sku, name, category, price_cents: price, stock }) {
  if (!sku || !name || !category) throw new HttpError(422, 'sku, name and category are needed');
  if (!Number.isInteger(price) || price <= 0) throw new HttpError(422, 'price must be positive');
  if (!Number.isInteger(stock) || stock < 0) throw new HttpError(422, 'stock must not be negative');
}

async function createProduct(context) {
  requireUser(context, 'admin');
  checkProduct(context.body);
  const { sku, name, category, description = '', price_cents, stock } = context.body;
  const [product] = await query(
    `INSERT INTO products (sku, name, category, description, price_cents, stock)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (sku) DO NOTHING RETURNING ${COLUMNS}`,
    [sku, name, category, description, price_cents, stock],
  );
  if (!product) throw new HttpError(409, 'sku is taken');
  return { status: 201, body: product };
}

async function updateProduct(context) {
  requireUser(context, 'admin');
  const { body: current } = await showProduct(context);
  const next = { ...current, ...context.body };
  checkProduct(next);
  const [product] = await query(
    `UPDATE products SET name = $2, category = $3, description = $4, price_cents = $5, stock = $6
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [current.id, next.name, next.category, next.description, next.price_cents, next.stock],
  );
  return { body: product };
}

async function removeProduct(context) {
  requireUser(context, 'admin');
  const { body: product } = await showProduct(context);
  await query('UPDATE products SET active = false WHERE id = $1', [product.id]);
  await query('DELETE FROM cart_items WHERE product_id = $1', [product.id]);
  return { status: 204 };
}

export async function cartLines(run, userId) {
  return run(
    `SELECT p.id AS product_id, p.name, p.category, p.price_cents, p.stock, c.quantity
     FROM cart_items c JOIN products p ON p.id = c.product_id WHERE c.user_id = $1 ORDER BY p.id`,
    [userId],
  );
}

async function showCart(context) {
  return { body: await cartLines(query, requireUser(context).id) };
}

async function putInCart(context) {
  const user = requireUser(context);
  const { body: product } = await showProduct(context);
  const quantity = context.body.quantity;
  if (!Number.isInteger(quantity) || quantity < 1) throw new HttpError(422, 'quantity must be 1 or more');
  if (quantity > product.stock) throw new HttpError(409, `only ${product.stock} in stock`);
  await query(
    `INSERT INTO cart_items (user_id, product_id, quantity) VALUES ($1, $2, $3)
     ON CONFLICT (user_id, product_id) DO UPDATE SET quantity = excluded.quantity`,
    [user.id, product.id, quantity],
  );
  return showCart(context);
}

async function removeFromCart(context) {
  const user = requireUser(context);
  await query('DELETE FROM cart_items WHERE user_id = $1 AND product_id = $2', [
    user.id,
    Number(context.params.id) || 0,
  ]);
  return showCart(context);
}

export const catalogRoutes = [
  ['GET /api/products', listProducts],
  ['POST /api/products', createProduct],
  ['GET /api/products/:id', showProduct],
  ['PATCH /api/products/:id', updateProduct],
  ['DELETE /api/products/:id', removeProduct],
  ['GET /api/cart', showCart],
  ['PUT /api/cart/:id', putInCart],
  ['DELETE /api/cart/:id', removeFromCart],
];
