// SPDX-License-Identifier: MIT
// Three small helpers instead of a framework.
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, '');
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child != null));
  return node;
}

export const money = (cents) => `${(cents / 100).toFixed(2)} EUR`;

export function show(role, text) {
  const node = document.querySelector(`[role="${role}"]`);
  node.textContent = text;
  node.hidden = !text;
}

// Runs an action of the user's; what goes wrong is shown to them.
export async function attempt(action) {
  show('alert', '');
  try {
    return await action();
  } catch (error) {
    show('alert', error.message);
    return null;
  }
}

export function form(fields, label, onSubmit) {
  const inputs = fields.map(({ name, text, ...rest }) =>
    element('label', {}, text, element('input', { name, ...rest })),
  );
  return element(
    'form',
    {
      onsubmit: (event) => {
        event.preventDefault();
        attempt(() => onSubmit(Object.fromEntries(new FormData(event.target))));
      },
    },
    inputs,
    element('button', {}, label),
  );
}

export const table = (label, heads, rows) =>
  element(
    'table',
    { 'aria-label': label },
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        heads.map((head) => element('th', {}, head)),
      ),
    ),
    element(
      'tbody',
      {},
      rows.map((cells) =>
        element(
          'tr',
          {},
          cells.map((cell) => element('td', {}, cell)),
        ),
      ),
    ),
  );
