// SPDX-License-Identifier: MIT
// Reports to Berth which test runs:
// npx playwright test --reporter=list,/usr/local/share/berth/reporters/playwright.mjs
import { mark, place } from './mark.mjs';

export default class {
  onTestBegin(test, result) {
    const title = test.titlePath().slice(3).join(' › ');
    mark(place(test.location.file, test.location.line, title), result.startTime.getTime());
  }

  onEnd() {
    mark('');
  }

  printsToStdio() {
    return false;
  }
}
