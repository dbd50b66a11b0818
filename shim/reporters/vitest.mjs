// SPDX-License-Identifier: MIT
// Reports to Berth which test runs, and which has failed:
// npx vitest run --reporter=default --reporter=/usr/local/share/berth/reporters/vitest.mjs
// Vitest reports tests in groups, up to a second late, but with the times at which they began.
import { failed, mark, place } from './mark.mjs';

const nameOf = (task) => (task.suite?.name ? `${nameOf(task.suite)} › ${task.name}` : task.name);

export default class {
  #reported = new Set();

  onInit(vitest) {
    this.vitest = vitest;
  }

  onTaskUpdate(packs) {
    for (const [id, result] of packs) {
      const task = this.vitest.state.idMap.get(id);
      if (task?.type === 'suite' || !task?.file || !result?.startTime) continue;
      const name = place(task.file.filepath, task.location?.line, nameOf(task));
      if (!this.#reported.has(id)) mark(name, result.startTime);
      this.#reported.add(id);
      if (result.state === 'fail' && (result.retryCount ?? 0) >= (task.retry ?? 0)) {
        failed(name, result.errors?.[0]?.message);
      }
    }
  }
}
