// SPDX-License-Identifier: MIT
// Orders as their owner sees them, the operator's floor and the admin's catalog.
import { call, listen } from './api.js';
import { attempt, element, form, money, show, table } from './dom.js';

export async function ordersPage() {
  const orders = await call('GET', '/api/orders');
  if (!orders.length) return { nodes: [element('h1', {}, 'Orders'), element('p', {}, 'No orders yet')] };
  const rows = orders.map((order) => [
    element('a', { href: `#/orders/${order.id}` }, `Order ${order.id}`),
    order.status,
    money(order.total_cents),
  ]);
  return { nodes: [element('h1', {}, 'Orders'), table('Orders', ['Order', 'Status', 'Total'], rows)] };
}

export async function orderPage(id) {
  const order = await call('GET', `/api/orders/${id}`);
  const status = element('strong', { 'data-testid': 'status' }, order.status);
  const connection = element('em', { 'data-testid': 'connection' }, 'offline');
  const cancel = element(
    'button',
    {
      hidden: order.status !== 'placed',
      onclick: () =>
        attempt(async () => {
          await call('POST', `/api/orders/${id}/cancel`);
          show('status', 'Order cancelled');
        }),
    },
    'Cancel order',
  );
  const leave = listen(
    (event) => {
      if (event.order_id !== order.id) return;
      status.textContent = event.status;
      cancel.hidden = event.status !== 'placed';
    },
    (state) => {
      connection.textContent = state;
    },
  );
  const rows = order.items.map((item) => [item.name, String(item.quantity), money(item.price_cents)]);
  return {
    leave,
    nodes: [
      element('h1', {}, `Order ${order.id}`),
      element('p', {}, 'Status: ', status, ' ', connection),
      cancel,
      table('Items', ['Product', 'Quantity', 'Price'], rows),
      element('p', { 'data-testid': 'total' }, money(order.total_cents)),
      element('p', {}, `Ships to: ${order.address}`),
    ],
  };
}

export async function floorPage() {
  const body = element('div');
  const refresh = async () => {
    const works = await call('GET', '/api/workorders');
    const advance = (work) => () =>
      attempt(async () => {
        await call('POST', `/api/workorders/${work.id}/advance`);
        await refresh();
      });
    const rows = works.map((work) => [
      `Order ${work.order_id}`,
      work.step,
      element(
        'button',
        { 'aria-label': `Advance order ${work.order_id}`, onclick: advance(work) },
        'Advance',
      ),
    ]);
    body.replaceChildren(table('Work orders', ['Order', 'Step', ''], rows));
  };
  await refresh();
  const leave = listen(
    () => attempt(refresh),
    () => {},
  );
  return { leave, nodes: [element('h1', {}, 'Production floor'), body] };
}

const PRODUCT_FIELDS = [
  { name: 'sku', text: 'SKU' },
  { name: 'name', text: 'Name' },
  { name: 'category', text: 'Category', value: 'lamps' },
  { name: 'price', text: 'Price', type: 'number', step: '0.01' },
  { name: 'stock', text: 'Stock', type: 'number', value: 1 },
];

export async function adminPage() {
  const body = element('div');
  const refresh = async () => {
    const products = await call('GET', '/api/products?sort=name');
    const remove = (product) => () =>
      attempt(async () => {
        await call('DELETE', `/api/products/${product.id}`);
        await refresh();
      });
    const rows = products.map((product) => [
      product.sku,
      product.name,
      money(product.price_cents),
      String(product.stock),
      element('button', { 'aria-label': `Remove ${product.name}`, onclick: remove(product) }, 'Remove'),
    ]);
    body.replaceChildren(table('Products', ['SKU', 'Name', 'Price', 'Stock', ''], rows));
  };
  const create = form(PRODUCT_FIELDS, 'Add product', async ({ sku, name, category, price, stock }) => {
    const product = {
      sku,
      name,
      category,
      price_cents: Math.round(Number(price) * 100),
      stock: Number(stock),
    };
    await call('POST', '/api/products', product);
    show('status', `${name} added`);
    await refresh();
  });
  await refresh();
  return { nodes: [element('h1', {}, 'Admin'), create, body] };
}
