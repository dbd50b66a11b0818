// SPDX-License-Identifier: MIT
// Tells Berth which test runs: npx playwright test --reporter=list,/usr/local/share/berth/reporters/playwright.mjs
import { mark, place } from './mark.mjs';

export default class {
  onTestBegin(test, result) {
    mark(place(test.location.file, test.location.line, test.titlePath().slice(3).join(' › ')), result.startTime.getTime());
  }

  onEnd() {
    mark('');
  }

  printsToStdio() {
    return false;
  }
}
