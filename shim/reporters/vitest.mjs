// SPDX-License-Identifier: MIT
// Reports to Berth which test runs:
// npx vitest run --reporter=default --reporter=/usr/local/share/berth/reporters/vitest.mjs
// Vitest reports tests in groups, up to a second late, but with the times at which they began.
import { mark, place } from './mark.mjs';

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
      if (this.#reported.has(id)) continue;
      this.#reported.add(id);
      mark(place(task.file.filepath, task.location?.line, nameOf(task)), result.startTime);
    }
  }
}
