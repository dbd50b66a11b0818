// SPDX-License-Identifier: MIT
// What the reporters for JavaScript share: one line "WORKER MS NAME" into the FIFO BERTH_MARK for
// each test, without waiting. Without Berth nothing happens: a suite must never fail because of a
// reporter.
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { relative } from 'node:path';

const { BERTH_MARK, BERTH_WORKER } = process.env;
let fifo;

function open() {
  if (!BERTH_MARK) return -1;
  try {
    return openSync(BERTH_MARK, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return -1;
  }
}

// mark(NAME, MS): from MS on (milliseconds since 1970; 0: now) this worker runs test NAME; '':
// none.
export function mark(name, ms = 0) {
  fifo ??= open();
  if (fifo < 0) return;
  try {
    writeSync(fifo, `${BERTH_WORKER} ${ms} ${name.replaceAll('\n', ' ').slice(0, 900)}\n`);
  } catch (error) {
    if (error.code === 'EAGAIN') return; // full: this mark is lost
    closeSync(fifo);
    fifo = -1;
  }
}

// "e2e/cart.spec.js:12 cart › adds": Berth's reports link to a test with such a name.
export function place(file, line, name) {
  return `${relative(process.cwd(), file)}${line ? `:${line}` : ''} ${name}`;
}
