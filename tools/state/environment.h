/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_ENVIRONMENT_H
#define BERTH_STATE_ENVIRONMENT_H
/*
 * The named environments of a project. Each has a directory in the results directory, which stays
 * between `berth down` and the next `berth up`: the worker's log, and the last state of its run. An
 * environment is up while a process holds the lock in that directory. The kernel releases the lock
 * when the last holder dies, so a crash or a reboot leaves none that seems to be up.
 */
#include <stdbool.h>

#include "tools/state/state.h"

enum { ENVIRONMENT_NAME_MAX = 64 };

/** True for letters, digits, ".", "_" and "-", a letter or digit first; no number of a worker. */
bool environment_is_name(const char *name);

/** Return: the directory of environment @name, the caller's to free. */
char *environment_dir(const char *results_dir, const char *name);

/** Return: what identifies it among those of all projects: NAME-HASH, the caller's to free. */
char *environment_key(const char *dir);

/**
 * Take the lock of environment @name; its directory is made.
 * @ret_lock	a descriptor, close-on-exec
 * Return: 0; -EBUSY it is up; -EACCES another user owns the results directory; -errno.
 */
int environment_lock(const char *results_dir, const char *name, int *ret_lock);

/** Return: the names of the environments that have a directory, a strv; NULL if there are none. */
char **environment_list(const char *results_dir);

/**
 * Load the last state of an environment that is not up.
 * Return: 0 and *ret_run for state_free(); -EBUSY it is up; -ENOENT; -errno.
 */
int environment_load(const char *results_dir, const char *name, struct run_state *ret_run);

#endif
