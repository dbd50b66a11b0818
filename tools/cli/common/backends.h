/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_BACKENDS_H
#define BERTH_CLI_BACKENDS_H
/* Which backends work on this machine, for this user, now: tried, not guessed. */
#include <stdbool.h>

#include "tools/isolate/isolate.h"

struct backends {
	bool works[ISOLATE_BACKENDS];
	/* half-sentence: what is lacking, or how it was found out */
	char *reasons[ISOLATE_BACKENDS];
};

/* ISOLATE_AUTO and ISOLATE_NONE always work and are not tried. */
void backends_try(struct backends *backends);
void backends_free(struct backends *backends);

#endif
