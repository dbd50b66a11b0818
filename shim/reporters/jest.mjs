// SPDX-License-Identifier: MIT
// Reports to Berth which test runs:
// npx jest --reporters=default --reporters=/usr/local/share/berth/reporters/jest.mjs
import { mark, place } from './mark.mjs';

export default class {
  onTestFileStart(test) {
    mark(place(test.path, 0, '(file)'));
  }

  onTestCaseStart(test, info) {
    mark(place(test.path, 0, info.fullName), info.startedAt ?? 0);
  }

  onRunComplete() {
    mark('');
  }
}
