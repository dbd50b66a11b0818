/* SPDX-License-Identifier: MIT */
/* Which ports are declared before a worker starts. */
#include "tools/run/allocate.h"

#include <errno.h>

int allocate_declare(struct run *run)
{
	for (unsigned int i = 0; i < run->count; i++)
		for (const uint16_t *port = run->plan->ports; *port; port++)
			if (!berth_portmap_declare(run->workers[i].map, *port))
				return -ENOSPC;
	return 0;
}

void allocate_update(struct run *run)
{
	(void)run;
}

void allocate_end(struct run *run)
{
	(void)run;
}
