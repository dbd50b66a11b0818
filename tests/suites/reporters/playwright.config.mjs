// SPDX-License-Identifier: MIT
export default { testMatch: '*.e2e.mjs', workers: 1 };
