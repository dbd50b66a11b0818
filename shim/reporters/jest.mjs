// SPDX-License-Identifier: MIT
// Reports to Berth which test runs, and what became of it:
// npx jest --reporters=default --reporters=/usr/local/share/berth/reporters/jest.mjs
import { mark, place, result } from './mark.mjs';

export default class {
  onTestFileStart(test) {
    mark(place(test.path, 0, '(file)'));
  }

  onTestCaseStart(test, info) {
    mark(place(test.path, 0, info.fullName), info.startedAt ?? 0);
  }

  onTestResult(test, { testExecError, testResults }) {
    if (testExecError) result(place(test.path, 0, '(file)'), 'failed', testExecError.message);
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
    mark('');
  }
}
