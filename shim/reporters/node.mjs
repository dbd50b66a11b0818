// SPDX-License-Identifier: MIT
// Reports to Berth which test of node:test runs, and what became of it:
// node --test --test-reporter=spec --test-reporter-destination=stdout \
//   --test-reporter=/usr/local/share/berth/reporters/node.mjs --test-reporter-destination=stderr
// It prints nothing. Node 20 and later tell the file of a test.
import { begun, ended, over, place, result } from './mark.mjs';

const messageOf = (error) => error?.cause?.message ?? error?.cause ?? error?.message;

// The names of the suites and tests that are open, by nesting; events come in two orders.
const running = new Map(); // by file, in the order in which tests run
const told = []; // in the order in which Node tells them
const names = new Map(); // the last begun, by file and nesting

// A file is a test, too, with its path as name.
function nameOf(above, { name, nesting, file, line }) {
  above.length = nesting;
  above[nesting] = name;
  if (!file) return above.join(' › ');
  return name === file ? place(file, 0, '(file)') : place(file, line, above.join(' › '));
}

export default async function* (events) {
  for await (const { type, data } of events) {
    const { file, details, skip, todo } = data;
    if (type === 'test:dequeue') {
      if (!running.has(file)) running.set(file, []);
      // the file or the suite around it waits for it
      const around = names.get(`${file} ${data.nesting - 1}`) ?? names.get(`${file} file`);
      const name = nameOf(running.get(file), data);
      if (around && around !== name) ended(around);
      names.set(`${file} ${data.name === file ? 'file' : data.nesting}`, name);
      begun(name);
    }
    if (!['test:start', 'test:pass', 'test:fail'].includes(type)) continue;
    const name = nameOf(told, data);
    if (type === 'test:start') continue;
    ended(name);
    // a suite, or a test that failed because a test inside of it did
    if (details?.type === 'suite' || details?.error?.failureType === 'subtestsFailed') continue;
    const failed = type === 'test:fail' && todo === undefined;
    const skipped = skip !== undefined || todo !== undefined;
    result(
      name,
      failed ? 'failed' : skipped ? 'skipped' : 'passed',
      messageOf(details?.error),
      details?.duration_ms,
    );
  }
  over();
}
