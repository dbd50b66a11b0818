// SPDX-License-Identifier: MIT
// Reports to Berth which test runs, and which has failed:
// npx jest --reporters=default --reporters=/usr/local/share/berth/reporters/jest.mjs
import { failed, mark, place } from './mark.mjs';

export default class {
  onTestFileStart(test) {
    mark(place(test.path, 0, '(file)'));
  }

  onTestCaseStart(test, info) {
    mark(place(test.path, 0, info.fullName), info.startedAt ?? 0);
  }

  onTestResult(test, { testExecError, testResults }) {
    if (testExecError) failed(place(test.path, 0, '(file)'), testExecError.message);
    for (const { fullName, status, failureMessages } of testResults) {
      if (status === 'failed') failed(place(test.path, 0, fullName), failureMessages[0]);
    }
  }

  onRunComplete() {
    mark('');
  }
}
