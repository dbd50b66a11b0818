/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_ASK_H
#define BERTH_RUN_WORKER_ASK_H
/* In the worker init: ask the worker's processes to end, by SIGTERM. */
#include <stddef.h>
#include <sys/types.h>

/* A process that got SIGTERM after the command's end. */
struct asked_process {
	pid_t pid;
	char *program; /* that it ran then; NULL = unknown */
};

struct asked {
	struct asked_process *list;
	size_t count;
};

/** Ask our descendants. */
void ask_all(struct asked *asked);

/** Ask our children: among them are those whose parent has ended. */
void ask_orphans(struct asked *asked);

#endif
