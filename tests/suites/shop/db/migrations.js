// SPDX-License-Identifier: MIT
// The schema, as an append-only list: a migration that has shipped is never edited.
export const migrations = [
  {
    name: '001-accounts',
    sql: `
      CREATE TABLE users (
        id serial PRIMARY KEY,
        email text NOT NULL UNIQUE,
        name text NOT NULL,
        role text NOT NULL DEFAULT 'customer' CHECK (role IN ('customer', 'operator', 'admin')),
        password_hash text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now());
      CREATE TABLE sessions (
        token text PRIMARY KEY,
        user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
        created_at timestamptz NOT NULL DEFAULT now())`,
  },
  {
    name: '002-catalog',
    sql: `
      CREATE TABLE products (
        id serial PRIMARY KEY,
        sku text NOT NULL UNIQUE,
        name text NOT NULL,
        category text NOT NULL,
        description text NOT NULL DEFAULT '',
        price_cents integer NOT NULL CHECK (price_cents > 0),
        stock integer NOT NULL DEFAULT 0 CHECK (stock >= 0),
        active boolean NOT NULL DEFAULT true);
      CREATE TABLE cart_items (
        user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
        product_id integer NOT NULL REFERENCES products,
        quantity integer NOT NULL CHECK (quantity > 0),
        PRIMARY KEY (user_id, product_id))`,
  },
  {
    name: '003-orders',
    sql: `
      CREATE TABLE orders (
        id serial PRIMARY KEY,
        user_id integer NOT NULL REFERENCES users,
        status text NOT NULL DEFAULT 'placed'
          CHECK (status IN ('placed', 'in_production', 'packed', 'shipped', 'cancelled')),
        address text NOT NULL,
        discount_code text,
        subtotal_cents integer NOT NULL,
        discount_cents integer NOT NULL,
        tax_cents integer NOT NULL,
        shipping_cents integer NOT NULL,
        total_cents integer NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now());
      CREATE TABLE order_items (
        order_id integer NOT NULL REFERENCES orders ON DELETE CASCADE,
        product_id integer NOT NULL REFERENCES products,
        name text NOT NULL,
        price_cents integer NOT NULL,
        quantity integer NOT NULL CHECK (quantity > 0),
        PRIMARY KEY (order_id, product_id));
      CREATE TABLE work_orders (
        id serial PRIMARY KEY,
        order_id integer NOT NULL UNIQUE REFERENCES orders ON DELETE CASCADE,
        step text NOT NULL DEFAULT 'queued'
          CHECK (step IN ('queued', 'cut', 'assemble', 'inspect', 'done')))`,
  },
  {
    name: '004-order-events',
    sql: `
      CREATE FUNCTION announce_order() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_notify('order_events', json_build_object(
          'type', lower(TG_OP), 'order_id', NEW.id, 'user_id', NEW.user_id, 'status', NEW.status)::text);
        RETURN NEW;
      END $$;
      CREATE TRIGGER orders_announce AFTER INSERT OR UPDATE OF status ON orders
        FOR EACH ROW EXECUTE FUNCTION announce_order()`,
  },
];
