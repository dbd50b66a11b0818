// SPDX-License-Identifier: MIT
// Reports to Berth which test runs, and what became of it:
// npx playwright test --reporter=list,/usr/local/share/berth/reporters/playwright.mjs
import { begun, ended, over, place, result } from './mark.mjs';

const statuses = { expected: 'passed', unexpected: 'failed', flaky: 'flaky', skipped: 'skipped' };

// "e2e/cart.spec.js:12 [chromium] cart › adds": a project without name is left out.
function nameOf(test) {
  const [, project, , ...titles] = test.titlePath();
  const title = `${project ? `[${project}] ` : ''}${titles.join(' › ')}`;
  return place(test.location.file, test.location.line, title);
}

// Of a process that runs tests. It has this variable, as have its children.
const slotOf = ({ parallelIndex }) => `TEST_PARALLEL_INDEX=${parallelIndex}`;

export default class {
  onTestBegin(test, attempt) {
    begun(nameOf(test), attempt.startTime.getTime(), slotOf(attempt));
  }

  onTestEnd(test, attempt) {
    const outcome = test.outcome();
    // not at startTime + duration, which leaves out hooks: the next test of the slot corrects it
    ended(nameOf(test), undefined, slotOf(attempt));
    if (outcome === 'unexpected' && attempt.retry < test.retries) return;
    const failed = test.results.find((one) => one.error) ?? attempt;
    const error = failed.error?.message ?? `the test has ${attempt.status}`;
    result(nameOf(test), statuses[outcome], error, attempt.duration);
  }

  onEnd() {
    over();
  }

  printsToStdio() {
    return false;
  }
}
