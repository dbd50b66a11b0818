// SPDX-License-Identifier: MIT
// Reports to Berth which test runs, and what became of it, beside any reporter of Mocha:
// npx mocha --require /usr/local/share/berth/reporters/mocha.mjs
import { begun, ended, place, result } from './mark.mjs';

const nameOf = (test) => {
  const title = test.titlePath().join(' › ');
  return test.file ? place(test.file, 0, title) : title;
};

export const mochaHooks = {
  beforeEach() {
    begun(nameOf(this.currentTest), undefined, `@${process.pid}`);
  },

  afterEach() {
    const test = this.currentTest;
    const { state, err, duration } = test;
    ended(nameOf(test));
    if (test.isPending()) return result(nameOf(test), 'skipped');
    if (state !== 'passed' && test.currentRetry() < test.retries()) return;
    // a hook that fails leaves its test without a state
    const status = state === 'passed' && test.currentRetry() ? 'flaky' : (state ?? 'failed');
    result(nameOf(test), status, err?.message ?? (state ? '' : 'a hook has failed'), duration);
  },
};
