/* SPDX-License-Identifier: MIT */
#ifndef BERTH_LIMITS_CGROUP_H
#define BERTH_LIMITS_CGROUP_H
/*
 * A cgroup v2 for each worker, below the cgroup of the supervisor, so that the limits that we run
 * under hold for workers, too. Functions return 0, a descriptor, or -errno; nothing here prints.
 */
#include <stdint.h>

/**
 * Make OWN-CGROUP/berth-ID.
 * @ret_path	the caller's to free
 * Return: a descriptor; -ENOTSUP without cgroup v2; -EACCES, -EROFS.
 */
int cgroup_make(const char *run_id, char **ret_path);

/** Open the directory at which version 2 is mounted. Return: a descriptor; -ENOTSUP; -errno. */
int cgroup_open_root(void);

/** Make the cgroup of one worker inside it. Return: a descriptor; -errno. */
int cgroup_make_worker(const char *run_path, unsigned int worker);

/**
 * @controller	looks in the version 1 hierarchy of this controller; NULL = in version 2
 * Return: the path of the run's cgroup there, the caller's to free; NULL if there is no such
 * hierarchy.
 */
char *cgroup_place(const char *controller, const char *run_id);

/**
 * Kill every process in the cgroup and remove it, its children first; wait for the kernel at most
 * @timeout_ms.
 */
int cgroup_remove(const char *path, int64_t timeout_ms);

/** The same for each of @paths, a strv or NULL, past errors. Return: 0; the first -errno. */
int cgroup_remove_all(char *const *paths, int64_t timeout_ms);

/** The same for the cgroup that cgroup_make() made for @run_id, if it exists. */
int cgroup_remove_named(const char *run_id, int64_t timeout_ms);

#endif
