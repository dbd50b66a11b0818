/* SPDX-License-Identifier: MIT */
#ifndef BERTH_LIMITS_H
#define BERTH_LIMITS_H
/*
 * What a worker may use, where the kernel lets us say so: memory, processors, processes. And how near it came to that.
 *
 *	limits_set(run_id, worker, cgroup, wanted, &limits)	before the worker starts
 *	limits_join(&limits)					in its first process
 *	limits_look(&limits, LIMIT_MEMORY)			while it runs
 *	cgroup_remove_all(places, deadline_ms)			afterwards
 *
 * Nothing here prints.
 */
#include <stdbool.h>
#include <stdint.h>

enum limit { LIMIT_MEMORY, LIMIT_CPU, LIMIT_PIDS, LIMITS };
enum limit_level { LIMIT_FAR, LIMIT_NEAR, LIMIT_MET };

struct limits_wanted {
	uint64_t of[LIMITS]; /* bytes; thousandths of a core; processes. 0 = no limit */
};

struct limits {
	struct limits_wanted wanted;
	int dirs[LIMITS];    /* where that limit's files are; -1 = it is not set */
	bool joined[LIMITS]; /* the worker is there without having to join */
	enum limit_level told[LIMITS];
};
#define LIMITS_NONE ((struct limits){ .dirs = { -1, -1, -1 } })

/**
 * @cgroup	the worker's, of version 2, in one that it shares with the other workers of the run
 * @places	grows by the directories that were made elsewhere, for cgroup_remove_all(); strv
 * Return: how many of the limits cannot be set.
 */
unsigned int limits_set(const char *run_id, unsigned int worker, int cgroup,
                        const struct limits_wanted *wanted, struct limits *ret_limits,
                        char ***places);
void limits_close(struct limits *limits);

/** Put the calling process under them. Return: 0; -errno. */
int limits_join(const struct limits *limits);

/**
 * Whether the worker is about to meet this limit, or has met it: nine tenths of its processes or its processor time, 85 % of
 * its memory without what the kernel would give back (the cache of files).
 * Return: a sentence, the caller's to free, once for each level; NULL if there is nothing to say.
 */
char *limits_look(struct limits *limits, enum limit limit);

#endif
