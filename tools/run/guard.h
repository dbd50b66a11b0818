/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_GUARD_H
#define BERTH_RUN_GUARD_H
/*
 * The cleanup guard: a process that tears the run down when the supervisor dies, and does nothing
 * else. It is started before the first worker.
 */
#include <stddef.h>
#include <sys/types.h>

struct guard;

struct guard_setup {
	/* descriptors that it keeps open: the run's lock and the leases of all blocks */
	const int *keep;
	size_t keep_count;
	/* in the guard, when the supervisor and all worker inits are dead */
	void (*clean_up)(void *arg);
	void *arg;
};

/** Return: 0; -errno. */
int guard_start(const struct guard_setup *setup, struct guard **ret_guard);

pid_t guard_pid(const struct guard *guard);

/**
 * In a worker init: close the channel; the worker init goes on holding the pipe that shows it
 * lives.
 */
void guard_close_channel(const struct guard *guard);

/** Everything is removed: end the guard, wait for it, free it. NULL is fine. */
void guard_release(struct guard *guard);

#endif
