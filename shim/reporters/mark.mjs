// SPDX-License-Identifier: MIT
// What the reporters for JavaScript share: lines "WORKER MS ..." into the FIFO BERTH_MARK (see
// docs/events.md), without waiting. Without Berth nothing happens: a suite must never fail because
// of a reporter.
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

// Returns true if the FIFO is full.
function write(ms, text) {
  fifo ??= open();
  if (fifo < 0) return false;
  try {
    writeSync(fifo, `${BERTH_WORKER} ${ms} ${text}\n`);
  } catch (error) {
    if (error.code === 'EAGAIN') return true;
    closeSync(fifo);
    fifo = -1;
  }
  return false;
}

const pause = new Int32Array(new SharedArrayBuffer(4));
const line = (text) => text.replaceAll(/\x1b\[[0-9;]*m/g, '').trim().split(/[\n\t]/)[0].slice(0, 500);
const plain = (name) => line(name.replaceAll('\n', ' '));

// begun(NAME, MS, SLOT), ended(NAME, MS, SLOT): when a test has begun and ended, in milliseconds
// since 1970. Tests of one slot do not run side by side. If the FIFO is full, the line is lost.
export function begun(name, ms = Date.now(), slot = '') {
  write(ms, `${slot}\tbegun\t${plain(name)}`);
}

export function ended(name, ms = Date.now(), slot = '') {
  write(ms, `${slot}\tended\t${plain(name)}`);
}

// over(): no test runs any more.
export function over() {
  write(Date.now(), '');
}

// result(NAME, STATUS, ERROR, MS, END): a test has ended at END after MS milliseconds: passed, failed,
// skipped, or flaky (passed when repeated). If the FIFO is full, it waits up to a second.
export function result(name, status, error, ms, end = Date.now()) {
  const problem = status === 'failed' || status === 'flaky' ? line(String(error ?? '')) : '';
  const text = `\t${status}\t${plain(name)}\t${problem}\t${ms?.toFixed(3) ?? ''}`;
  for (let tries = 0; write(end, text) && tries < 100; tries++) Atomics.wait(pause, 0, 0, 10);
}

// "e2e/cart.spec.js:12 cart › adds": Berth's reports link to a test with such a name.
export function place(file, line, name) {
  return `${relative(process.cwd(), file)}${line ? `:${line}` : ''} ${name}`;
}
