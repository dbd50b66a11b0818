// SPDX-License-Identifier: MIT
// The rows that every environment starts with.
export const users = [
  { email: 'alice@example.test', name: 'Alice Buyer', role: 'customer', password: 'alice-secret' },
  { email: 'bob@example.test', name: 'Bob Buyer', role: 'customer', password: 'bob-secret' },
  { email: 'olga@example.test', name: 'Olga Operator', role: 'operator', password: 'olga-secret' },
  { email: 'ada@example.test', name: 'Ada Admin', role: 'admin', password: 'ada-secret' },
];

export const products = [
  {
    sku: 'BIKE-01',
    name: 'Harbour Bike',
    category: 'bikes',
    price_cents: 64900,
    stock: 500,
    description: 'Seven gears.',
  },
  {
    sku: 'BIKE-02',
    name: 'Cargo Bike',
    category: 'bikes',
    price_cents: 189900,
    stock: 500,
    description: 'Carries crates.',
  },
  {
    sku: 'LAMP-01',
    name: 'Anchor Lamp',
    category: 'lamps',
    price_cents: 3950,
    stock: 500,
    description: 'A warm light.',
  },
  {
    sku: 'LAMP-02',
    name: 'Signal Lamp',
    category: 'lamps',
    price_cents: 5900,
    stock: 500,
    description: 'Red and green.',
  },
  {
    sku: 'ROPE-01',
    name: 'Mooring Rope',
    category: 'ropes',
    price_cents: 1290,
    stock: 500,
    description: 'Twelve metres.',
  },
  {
    sku: 'ROPE-02',
    name: 'Tow Rope',
    category: 'ropes',
    price_cents: 2490,
    stock: 500,
    description: 'Twenty metres.',
  },
  {
    sku: 'BOOK-01',
    name: 'Book of Knots',
    category: 'books',
    price_cents: 1990,
    stock: 500,
    description: 'Forty knots.',
  },
  {
    sku: 'BOOK-02',
    name: 'Tide Tables',
    category: 'books',
    price_cents: 990,
    stock: 0,
    description: 'Out of print.',
  },
];
