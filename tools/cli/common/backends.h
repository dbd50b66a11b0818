/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_BACKENDS_H
#define BERTH_CLI_BACKENDS_H
/* Which backends work on this machine for this user: each is tried. */
#include <stdbool.h>

#include "tools/isolate/isolate.h"

struct backends {
	bool works[ISOLATE_BACKENDS];
	/* half a sentence: what is missing, or how Berth found out */
	char *reasons[ISOLATE_BACKENDS];
};

/**
 * Try the backends; ISOLATE_AUTO and ISOLATE_NONE always work. The caller calls
 * backends_free().
 */
void backends_try(struct backends *backends);
void backends_free(struct backends *backends);

#endif
