/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_RESULTS_H
#define BERTH_STATE_RESULTS_H
/* The results of past runs, RESULTS/runs/ID: logs and trees. */

/* How many runs keep their logs, and how many of those their trees, which may be large. */
enum { RESULTS_RUNS_KEPT = 50, RESULTS_TREES_KEPT = 5 };

/** Remove the results of older runs but @own_id. Ignores errors: the next run tries again. */
void results_prune(const char *results_dir, const char *own_id);

#endif
