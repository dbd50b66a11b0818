// SPDX-License-Identifier: MIT
// The router: the hash says which page is shown; leaving a page ends what it had open.
import { call, session } from './api.js';
import { attempt, element, show } from './dom.js';
import { cartPage, catalogPage, checkoutPage, loginPage, productPage, registerPage } from './pages.js';
import { adminPage, floorPage, orderPage, ordersPage } from './back-office.js';

const PAGES = [
  [/^#?\/?$/, catalogPage],
  [/^#\/product\/(\d+)$/, productPage],
  [/^#\/login$/, loginPage],
  [/^#\/register$/, registerPage],
  [/^#\/cart$/, cartPage],
  [/^#\/checkout$/, checkoutPage],
  [/^#\/orders$/, ordersPage],
  [/^#\/orders\/(\d+)$/, orderPage],
  [/^#\/admin$/, adminPage],
  [/^#\/floor$/, floorPage],
];

let leave = null;

function navigation() {
  const { user } = session;
  const link = (href, text) => element('a', { href }, text);
  if (!user) return [link('#/login', 'Log in'), link('#/register', 'Register')];
  const logout = async () => {
    await call('POST', '/api/logout').catch(() => {});
    session.current = null;
    location.hash = '#/';
    await render();
  };
  return [
    link('#/cart', 'Cart'),
    link('#/orders', 'Orders'),
    user.role === 'admin' ? link('#/admin', 'Admin') : null,
    user.role === 'operator' ? link('#/floor', 'Floor') : null,
    element('span', {}, user.name),
    element('button', { onclick: logout }, 'Log out'),
  ].filter(Boolean);
}

async function render() {
  leave?.();
  leave = null;
  show('alert', '');
  show('status', '');
  document.querySelector('nav').replaceChildren(...navigation());
  const main = document.querySelector('main');
  const [expression, page] = PAGES.find(([candidate]) => candidate.test(location.hash)) ?? [];
  if (!page) return main.replaceChildren(element('h1', {}, 'Page not found'));
  const here = location.hash;
  const result = await attempt(() => page(...expression.exec(here).slice(1)));
  if (here !== location.hash) return result?.leave?.();
  leave = result?.leave ?? null;
  return main.replaceChildren(...(result?.nodes ?? []));
}

window.addEventListener('hashchange', render);
render();
