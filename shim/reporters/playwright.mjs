// SPDX-License-Identifier: MIT
// Reports to Berth which test runs, and which has failed:
// npx playwright test --reporter=list,/usr/local/share/berth/reporters/playwright.mjs
import { failed, mark, place } from './mark.mjs';

const nameOf = (test) =>
  place(test.location.file, test.location.line, test.titlePath().slice(3).join(' › '));

export default class {
  onTestBegin(test, result) {
    mark(nameOf(test), result.startTime.getTime());
  }

  onTestEnd(test, result) {
    if (test.outcome() !== 'unexpected' || result.retry < test.retries) return;
    failed(nameOf(test), result.error?.message ?? `the test has ${result.status}`);
  }

  onEnd() {
    mark('');
  }

  printsToStdio() {
    return false;
  }
}
