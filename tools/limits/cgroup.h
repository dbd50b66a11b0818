/* SPDX-License-Identifier: MIT */
#ifndef BERTH_LIMITS_CGROUP_H
#define BERTH_LIMITS_CGROUP_H
/*
 * A cgroup v2 directory per worker, where we may make one: below the cgroup that the supervisor is in, so that limits
 * and accounting of whoever started us still hold. Functions return 0, a descriptor, or -errno; nothing here prints.
 */
#include <stdint.h>

/**
 * Make OWN-CGROUP/berth-ID.
 * Return: a descriptor, *ret_path the caller's to free; -ENOTSUP no cgroup v2 here; -EACCES, -EROFS not allowed.
 */
int cgroup_make(const char *run_id, char **ret_path);

/** Open the directory at which version 2 is mounted. Return: a descriptor; -ENOTSUP; -errno. */
int cgroup_open_root(void);

/** Make the cgroup of one worker inside it. Return: a descriptor; -errno. */
int cgroup_make_worker(const char *run_path, unsigned int worker);

/**
 * The path that berth-ID has in the hierarchy of version 1 that holds @controller; in version 2 if that is NULL.
 * Return: a new string; NULL if there is no such hierarchy.
 */
char *cgroup_place(const char *controller, const char *run_id);

/** The same for the cgroup that cgroup_make() would have made for @run_id. */
int cgroup_remove_named(const char *run_id, int64_t deadline_ms);

/** End everything in it and remove it, its children first; waits for the kernel at most @deadline_ms. */
int cgroup_remove(const char *path, int64_t deadline_ms);

/** The same for each of @paths, a strv or NULL. Return: 0; the first -errno, when all have been tried. */
int cgroup_remove_all(char *const *paths, int64_t deadline_ms);

#endif
