// SPDX-License-Identifier: MIT
// From cart to shipped parcel: quotes by the pricing service, orders, and the work orders of the
// production floor.
import { query, transaction } from './database.js';
import { HttpError } from './http.js';
import { requireUser } from './accounts.js';
import { cartLines } from './catalog.js';

const PRICING_URL = 'http://localhost:3103';
const STEPS = ['queued', 'cut', 'assemble', 'inspect', 'done'];

async function quoteOf(lines, discount) {
  const answer = await fetch(`${PRICING_URL}/quote`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ discount: discount || null, lines }),
  }).catch((error) => {
    throw new HttpError(502, `pricing does not answer: ${error.cause?.code ?? error.message}`);
  });
  const quote = await answer.json();
  if (!answer.ok) throw new HttpError(answer.status === 422 ? 422 : 502, quote.error);
  return quote;
}

async function showQuote(context) {
  const lines = await cartLines(query, requireUser(context).id);
  return { body: await quoteOf(lines, context.body.discount) };
}

// Rows of products are locked in the order of their ids, so that two orders for the same things cannot
// deadlock.
async function takeFromStock(run, lines) {
  for (const line of lines) {
    const [taken] = await run(
      'UPDATE products SET stock = stock - $2 WHERE id = $1 AND stock >= $2 RETURNING stock',
      [line.product_id, line.quantity],
    );
    if (!taken) throw new HttpError(409, `not enough stock: ${line.name}`);
  }
}

async function insertOrder(run, user, { address, discount }, lines, quote) {
  const [order] = await run(
    `INSERT INTO orders
       (user_id, address, discount_code,
        subtotal_cents, discount_cents, tax_cents, shipping_cents, total_cents)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING *`,
    [
      user.id,
      address,
      discount || null,
      quote.subtotal_cents,
      quote.discount_cents,
      quote.tax_cents,
      quote.shipping_cents,
      quote.total_cents,
    ],
  );
  for (const line of lines) {
    await run(
      `INSERT INTO order_items (order_id, product_id, name, price_cents, quantity)
       VALUES ($1, $2, $3, $4, $5)`,
      [order.id, line.product_id, line.name, line.price_cents, line.quantity],
    );
  }
  await run('INSERT INTO work_orders (order_id) VALUES ($1)', [order.id]);
  return order;
}

async function placeOrder(context) {
  const user = requireUser(context);
  if (!context.body.address?.trim()) throw new HttpError(422, 'address is missing');
  const order = await transaction(async (run) => {
    const lines = await cartLines(run, user.id);
    if (!lines.length) throw new HttpError(409, 'cart is empty');
    const quote = await quoteOf(lines, context.body.discount);
    await takeFromStock(run, lines);
    const placed = await insertOrder(run, user, context.body, lines, quote);
    await run('DELETE FROM cart_items WHERE user_id = $1', [user.id]);
    return placed;
  });
  return { status: 201, body: order };
}

async function listOrders(context) {
  const user = requireUser(context);
  return { body: await query('SELECT * FROM orders WHERE user_id = $1 ORDER BY id DESC', [user.id]) };
}

async function findOrder(context) {
  const user = requireUser(context);
  const [order] = await query('SELECT * FROM orders WHERE id = $1', [Number(context.params.id) || 0]);
  if (!order || (user.role === 'customer' && order.user_id !== user.id))
    throw new HttpError(404, 'no such order');
  return order;
}

async function showOrder(context) {
  const order = await findOrder(context);
  const items = await query(
    'SELECT product_id, name, price_cents, quantity FROM order_items WHERE order_id = $1 ORDER BY product_id',
    [order.id],
  );
  return { body: { ...order, items } };
}

async function cancelOrder(context) {
  const { id } = await findOrder(context);
  const cancelled = await transaction(async (run) => {
    const [order] = await run(
      `UPDATE orders SET status = 'cancelled' WHERE id = $1 AND status = 'placed' RETURNING *`,
      [id],
    );
    if (!order) throw new HttpError(409, 'too late to cancel');
    await run(
      `UPDATE products p SET stock = stock + i.quantity FROM order_items i
       WHERE i.order_id = $1 AND i.product_id = p.id`,
      [id],
    );
    await run('DELETE FROM work_orders WHERE order_id = $1', [id]);
    return order;
  });
  return { body: cancelled };
}

async function shipOrder(context) {
  requireUser(context, 'admin', 'operator');
  const { id } = await findOrder(context);
  const [order] = await query(
    `UPDATE orders SET status = 'shipped' WHERE id = $1 AND status = 'packed' RETURNING *`,
    [id],
  );
  if (!order) throw new HttpError(409, 'order is not packed');
  return { body: order };
}

async function listWorkOrders(context) {
  requireUser(context, 'admin', 'operator');
  return { body: await query(`SELECT * FROM work_orders WHERE step <> 'done' ORDER BY id DESC LIMIT 50`) };
}

async function advanceWorkOrder(context) {
  requireUser(context, 'operator');
  const work = await transaction(async (run) => {
    const [current] = await run('SELECT * FROM work_orders WHERE id = $1 FOR UPDATE', [
      Number(context.params.id) || 0,
    ]);
    if (!current) throw new HttpError(404, 'no such work order');
    if (current.step === 'done') throw new HttpError(409, 'already done');
    const step = STEPS[STEPS.indexOf(current.step) + 1];
    await run('UPDATE work_orders SET step = $2 WHERE id = $1', [current.id, step]);
    const status = step === 'done' ? 'packed' : 'in_production';
    await run('UPDATE orders SET status = $2 WHERE id = $1 AND status <> $2', [current.order_id, status]);
    return { ...current, step };
  });
  return { body: work };
}

export const orderRoutes = [
  ['POST /api/quote', showQuote],
  ['POST /api/orders', placeOrder],
  ['GET /api/orders', listOrders],
  ['GET /api/orders/:id', showOrder],
  ['POST /api/orders/:id/cancel', cancelOrder],
  ['POST /api/orders/:id/ship', shipOrder],
  ['GET /api/workorders', listWorkOrders],
  ['POST /api/workorders/:id/advance', advanceWorkOrder],
];
