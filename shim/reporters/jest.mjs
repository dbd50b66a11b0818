// SPDX-License-Identifier: MIT
// Reports to Berth which test runs, and what became of it:
// npx jest --reporters=default --reporters=/usr/local/share/berth/reporters/jest.mjs
import { begun, ended, over, place, result } from './mark.mjs';

const fileOf = (test) => place(test.path, 0, '(file)');

export default class {
  onTestFileStart(test) {
    begun(fileOf(test));
  }

  onTestCaseStart(test, info) {
    ended(fileOf(test));
    begun(place(test.path, 0, info.fullName), info.startedAt ?? undefined);
  }

  onTestCaseResult(test, { fullName }) {
    ended(place(test.path, 0, fullName));
  }

  onTestResult(test, { testExecError, testResults }) {
    ended(fileOf(test));
    if (testExecError) result(fileOf(test), 'failed', testExecError.message);
    for (const { fullName, status, failureMessages, invocations, duration, ...more } of testResults) {
      const final = status === 'passed' && invocations > 1 ? 'flaky' : status;
      result(
        place(test.path, 0, fullName),
        ['passed', 'failed', 'flaky'].includes(final) ? final : 'skipped',
        failureMessages?.[0] ?? more.retryReasons?.[0],
        duration,
      );
    }
  }

  onRunComplete() {
    over();
  }
}
