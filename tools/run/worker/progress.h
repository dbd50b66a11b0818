/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_PROGRESS_H
#define BERTH_RUN_WORKER_PROGRESS_H
/* The progress line: the last line of a terminal while several workers run. */
#include <stdbool.h>
#include <stdint.h>

struct progress {
	unsigned int count, over, running, failed;
	int64_t started_ms;
};

/** True if @fd is a terminal that obeys control sequences for the cursor and for colours. */
bool progress_is_terminal(int fd);

/** Show it from now on, where stderr is a terminal. */
void progress_open(void);

/** Remove the line; before anything else is written to the terminal. */
void progress_clear(void);

/** Show it, at most twice a second; does nothing before progress_open(). */
void progress_show(const struct progress *progress);

#endif
