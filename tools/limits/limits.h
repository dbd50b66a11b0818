/* SPDX-License-Identifier: MIT */
#ifndef BERTH_LIMITS_H
#define BERTH_LIMITS_H
/*
 * Limits of a worker's memory, processors and processes, by the kernel's cgroup controllers.
 *
 *	limits_set(run_id, worker, cgroup, amounts, &limits, &dirs)	before the worker starts
 *	limits_join(&limits)						in its first process
 *	limits_check(&limits, LIMIT_MEMORY)				while it runs
 *	cgroup_remove_all(dirs, timeout_ms)				afterwards
 *
 * Nothing here prints.
 */
#include <stdbool.h>
#include <stdint.h>

enum limit { LIMIT_MEMORY, LIMIT_CPU, LIMIT_PIDS, LIMITS };
enum limit_level { LIMIT_FAR, LIMIT_NEAR, LIMIT_REACHED };

struct limit_amounts {
	uint64_t of[LIMITS]; /* bytes; thousandths of a core; processes. 0 = no limit */
};

struct limits {
	struct limit_amounts amounts;
	int dirs[LIMITS];    /* the directory with the limit's files; -1 = it is not set */
	bool joined[LIMITS]; /* the worker starts there and need not join */
	enum limit_level reported[LIMITS];
};
#define LIMITS_NONE ((struct limits){ .dirs = { -1, -1, -1 } })

/**
 * @cgroup	the worker's cgroup v2; -1 = it has none
 * @dirs	strv; gets the cgroups in other hierarchies, for cgroup_remove_all()
 * Return: how many of the limits cannot be set.
 */
unsigned int limits_set(const char *run_id, unsigned int worker, int cgroup,
                        const struct limit_amounts *amounts, struct limits *ret_limits,
                        char ***dirs);
void limits_close(struct limits *limits);

/** Put the calling process under the limits. Return: 0; -errno. */
int limits_join(const struct limits *limits);

/**
 * Report once that a worker is near a limit, and once that it has reached it. Near is 90 % of the
 * processes or of the processor time, or 85 % of the memory without the file cache, which the
 * kernel would give back.
 * Return: a sentence, the caller's to free; NULL if there is nothing new.
 */
char *limits_check(struct limits *limits, enum limit limit);

#endif
