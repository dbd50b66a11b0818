// SPDX-License-Identifier: MIT
// The customer's pages. A page returns the nodes to show, and may return what to do when it is left.
import { call, session } from './api.js';
import { attempt, element, form, money, show, table } from './dom.js';

const SORTS = [
  ['name', 'Name'],
  ['cheap', 'Cheapest first'],
  ['dear', 'Dearest first'],
];
const CATEGORIES = ['', 'bikes', 'lamps', 'ropes', 'books'];

async function addToCart(product, quantity) {
  if (!session.user) {
    location.hash = '#/login';
    return;
  }
  await call('PUT', `/api/cart/${product.id}`, { quantity });
  show('status', `${product.name} is in your cart`);
}

function productCard(product) {
  const add = () => attempt(() => addToCart(product, 1));
  return element(
    'li',
    { 'data-sku': product.sku },
    element('h2', {}, element('a', { href: `#/product/${product.id}` }, product.name)),
    element('p', { class: 'price' }, money(product.price_cents)),
    product.stock ? element('button', { onclick: add }, 'Add to cart') : element('p', {}, 'Sold out'),
  );
}

export async function catalogPage() {
  const list = element('ul', { class: 'products', 'aria-label': 'Products' });
  const options = (pairs) => pairs.map(([value, text]) => element('option', { value }, text));
  const search = element('input', { type: 'search', 'aria-label': 'Search' });
  const category = element(
    'select',
    { 'aria-label': 'Category' },
    options(CATEGORIES.map((name) => [name, name || 'all'])),
  );
  const sort = element('select', { 'aria-label': 'Sort' }, options(SORTS));
  const refresh = async () => {
    const wanted = new URLSearchParams({ search: search.value, category: category.value, sort: sort.value });
    const products = await call('GET', `/api/products?${wanted}`);
    list.replaceChildren(...products.map(productCard));
    if (!products.length) list.replaceChildren(element('li', {}, 'Nothing found'));
  };
  for (const input of [search, category, sort]) input.addEventListener('change', () => attempt(refresh));
  await refresh();
  return { nodes: [element('h1', {}, 'Catalog'), element('div', {}, search, category, sort), list] };
}

export async function productPage(id) {
  const product = await call('GET', `/api/products/${id}`);
  const buy = form(
    [{ name: 'quantity', text: 'Quantity', type: 'number', value: 1, min: 1 }],
    'Add to cart',
    ({ quantity }) => addToCart(product, Number(quantity)),
  );
  return {
    nodes: [
      element('h1', {}, product.name),
      element('p', {}, product.description),
      element('p', { class: 'price' }, money(product.price_cents)),
      element('p', { class: 'stock' }, product.stock ? `${product.stock} in stock` : 'Sold out'),
      product.stock ? buy : '',
    ],
  };
}

const entered = (path, extra) => async (fields) => {
  session.current = await call('POST', path, fields);
  show('status', extra);
  location.hash = '#/';
};

const CREDENTIALS = [
  { name: 'email', text: 'Email', type: 'text', autocomplete: 'off' },
  { name: 'password', text: 'Password', type: 'password', autocomplete: 'off' },
];

export async function loginPage() {
  return {
    nodes: [element('h1', {}, 'Log in'), form(CREDENTIALS, 'Log in', entered('/api/login', 'Welcome back'))],
  };
}

export async function registerPage() {
  const fields = [{ name: 'name', text: 'Name' }, ...CREDENTIALS];
  return {
    nodes: [element('h1', {}, 'Register'), form(fields, 'Register', entered('/api/register', 'Welcome'))],
  };
}

function quoteTable(quote) {
  const names = [
    ['Subtotal', 'subtotal'],
    ['Discount', 'discount'],
    ['Tax', 'tax'],
    ['Shipping', 'shipping'],
    ['Total', 'total'],
  ];
  return table(
    'Quote',
    ['', 'Amount'],
    names.map(([text, key]) => [text, money(quote[`${key}_cents`])]),
  );
}

export async function cartPage() {
  const body = element('div');
  const refresh = async () => {
    const lines = await call('GET', '/api/cart');
    if (!lines.length) return body.replaceChildren(element('p', {}, 'Your cart is empty'));
    const change = (line) => (event) =>
      attempt(async () => {
        await call('PUT', `/api/cart/${line.product_id}`, { quantity: Number(event.target.value) });
        await refresh();
      });
    const remove = (line) => () =>
      attempt(async () => {
        await call('DELETE', `/api/cart/${line.product_id}`);
        await refresh();
      });
    const rows = lines.map((line) => [
      line.name,
      element('input', {
        type: 'number',
        min: 1,
        value: line.quantity,
        'aria-label': `Quantity of ${line.name}`,
        onchange: change(line),
      }),
      money(line.price_cents * line.quantity),
      element('button', { 'aria-label': `Remove ${line.name}`, onclick: remove(line) }, 'Remove'),
    ]);
    return body.replaceChildren(
      table('Cart', ['Product', 'Quantity', 'Amount', ''], rows),
      element('a', { href: '#/checkout' }, 'Check out'),
    );
  };
  await refresh();
  return { nodes: [element('h1', {}, 'Cart'), body] };
}

export async function checkoutPage() {
  const body = element('div', {}, quoteTable(await call('POST', '/api/quote', {})));
  const apply = form([{ name: 'discount', text: 'Discount code' }], 'Apply', async ({ discount }) => {
    body.replaceChildren(quoteTable(await call('POST', '/api/quote', { discount })));
  });
  const order = form([{ name: 'address', text: 'Address' }], 'Place order', async ({ address }) => {
    const discount = apply.elements.discount.value;
    const placed = await call('POST', '/api/orders', { address, discount });
    location.hash = `#/orders/${placed.id}`;
  });
  return { nodes: [element('h1', {}, 'Checkout'), body, apply, order] };
}
