/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_RESULTS_H
#define BERTH_STATE_RESULTS_H
/* The results of past runs, RESULTS/runs/ID: logs and trees. They are kept for people to look at, but not for ever. */

/* How many runs keep their logs, and how many of those their trees, which may be large. */
enum { RESULTS_RUNS_KEPT = 50, RESULTS_TREES_KEPT = 5 };

/** Remove what is older than the newest runs, except for @own_id. Trouble is no error: the next run tries again. */
void results_prune(const char *results_dir, const char *own_id);

#endif
