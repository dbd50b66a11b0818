// SPDX-License-Identifier: MIT
// Reports to Berth which test runs, and what became of it:
// npx vitest run --reporter=default --reporter=/usr/local/share/berth/reporters/vitest.mjs
// Vitest 1 and 2 report tests in groups, up to a second late, but with the times at which they began.
import { begun, over, place, result } from './mark.mjs';

const nameOf = (task) => (task.suite?.name ? `${nameOf(task.suite)} › ${task.name}` : task.name);
const placeOf = (test) =>
  place(test.module.moduleId, test.location?.line, test.fullName.replaceAll(' > ', ' › '));
const endOf = (startTime, duration) => (startTime ? startTime + duration : undefined);
const states = { pass: 'passed', fail: 'failed', skip: 'skipped', todo: 'skipped' };

export default class {
  #reported = new Map();

  onInit(vitest) {
    this.vitest = vitest;
    this.old = !(parseInt(vitest.version, 10) >= 3);
  }

  // Vitest 3 and later

  onTestCaseReady(test) {
    if (test.options.mode === 'run' || test.options.mode === 'only') begun(placeOf(test));
  }

  onTestCaseResult(test) {
    const { state, errors } = test.result();
    const { duration, flaky, startTime } = test.diagnostic() ?? {};
    const status = flaky ? 'flaky' : state;
    if (startTime) begun(placeOf(test), startTime); // it has been reported late
    result(placeOf(test), status, errors?.[0]?.message, duration, endOf(startTime, duration));
  }

  onTestRunEnd(modules) {
    for (const module of modules) {
      const [error] = module.errors?.() ?? [];
      if (error) result(place(module.moduleId, 0, '(file)'), 'failed', error.message);
    }
    over();
  }

  // Vitest 1 and 2

  onTaskUpdate(packs) {
    for (const [id, update] of this.old ? packs : []) {
      const task = this.vitest.state.idMap.get(id);
      const file = task?.filepath;
      const { state, errors, duration, startTime, retryCount } = update ?? {};
      const home = file ?? task?.file?.filepath;
      if (!state || !home || (task.type === 'suite' && !(file && errors?.length))) continue;
      const name = place(home, task.location?.line, file ? '(file)' : nameOf(task));
      if (!file && startTime && !this.#reported.has(id)) begun(name, startTime);
      if (state === 'fail' && (retryCount ?? 0) < (task.retry ?? 0)) continue;
      const status = state === 'pass' && retryCount ? 'flaky' : states[state];
      if (status && this.#reported.get(id) !== status) {
        result(name, status, errors?.[0]?.message, duration, endOf(startTime, duration));
      }
      this.#reported.set(id, status);
    }
  }
}
