/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_TEMPLATE_CACHE_H
#define BERTH_DB_TEMPLATE_CACHE_H
/*
 * The templates and snapshots in the cache of private servers: locks, a list for `berth db
 * template`, and the quota. Blocking. Functions return 0 or -errno and print nothing; texts are the
 * caller's to free.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { TEMPLATE_FRESH_S = 3600 }; /* a template that was used within that time stays */

/**
 * Lock @name (tpl-HASH, snap-NAME) of directory @cache, without waiting. The lock file stays.
 * @how		LOCK_SH or LOCK_EX of flock(2)
 * Return: 0; -EBUSY; -errno.
 */
int cache_lock(const char *cache, const char *name, int how, int *ret_lock);

/**
 * Remove a template or snapshot that the caller has locked. A rename comes first, so that no run
 * takes half of it.
 */
int cache_remove(const char *path);

struct cache_entry {
	char *name;  /* of a snapshot; of a template its hash */
	char *ports; /* "5432 6379": virtual ports of its servers */
	bool is_snapshot;
	bool used_now; /* a live run may clone from it, or makes it */
	int64_t size_bytes;
	int64_t made_s, used_s; /* CLOCK_REALTIME; the use of a snapshot is not noted */
};

struct cache_list {
	uid_t uid; /* whose the cache is; 0 = ours */
	gid_t gid;
	char *where;              /* directory */
	struct cache_entry *list; /* by name */
	size_t count;
};

int cache_read(struct cache_list *ret_list, char **ret_why);
void cache_free(struct cache_list *list);

/** Return: 0; -EBUSY a live run uses it; -ENOENT; -errno. */
int cache_drop(const struct cache_list *list, const struct cache_entry *cached);

/**
 * Remove the templates in @cache that have not been used for longest, until the others are within
 * @quota_bytes. A template that a live run uses or that was used within the hour stays, and so does
 * every snapshot.
 */
void cache_collect(const char *cache, uint64_t quota_bytes);

#endif
