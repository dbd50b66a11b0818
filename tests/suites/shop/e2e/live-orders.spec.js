// SPDX-License-Identifier: MIT
import WebSocket from 'ws';
import { EVENTS, expect, OLGA, SHOP, test } from './support.js';

test('the order page follows the production floor without a reload', async ({
  page,
  customer,
  login,
  product,
}) => {
  const order = await customer.order([product, 1]);
  await customer.browse(page, `#/orders/${order.id}`);
  await expect(page.getByTestId('connection')).toHaveText('live');
  await expect(page.getByTestId('status')).toHaveText('placed');
  const olga = await login(OLGA);
  const work = (await olga.get('/api/workorders')).find((candidate) => candidate.order_id === order.id);
  await olga.call('POST', `/api/workorders/${work.id}/advance`);
  await expect(page.getByTestId('status')).toHaveText('in_production');
});

function connect(query, options) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${EVENTS}${query}`, options);
    const messages = [];
    socket.on('message', (data) => messages.push(JSON.parse(data)));
    socket.on('open', () => resolve({ socket, messages, status: 101 }));
    socket.on('unexpected-response', (request, response) => {
      request.destroy();
      resolve({ status: response.statusCode });
    });
    socket.on('error', () => {});
  });
}

test('customers hear of their own orders only', async ({ customer, login, product }) => {
  const olga = await login(OLGA);
  const mine = await connect(`?token=${customer.token}`, { origin: SHOP });
  const staff = await connect(`?token=${olga.token}`);
  await olga.order([product, 1]);
  const order = await customer.order([product, 1]);
  await expect.poll(() => mine.messages.map((message) => message.type)).toEqual(['hello', 'insert']);
  expect(mine.messages[1]).toEqual({
    type: 'insert',
    order_id: order.id,
    user_id: customer.user.id,
    status: 'placed',
  });
  await expect.poll(() => staff.messages.length).toBeGreaterThanOrEqual(3);
  mine.socket.close();
  staff.socket.close();
});

test('strangers get no socket', async ({ customer }) => {
  expect((await connect('?token=wrong')).status).toBe(401);
  expect((await connect(`?token=${customer.token}`, { origin: 'http://localhost:9999' })).status).toBe(403);
});
