/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_TEMPLATE_CLONE_H
#define BERTH_DB_TEMPLATE_CLONE_H
/* Copies of a data directory. Blocking: for jobs. */

#include <stdbool.h>
#include <sys/types.h>

enum db_clone { DB_CLONE_REFLINK, DB_CLONE_OVERLAY, DB_CLONE_COPY, DB_CLONES };

extern const char *const db_clone_names[DB_CLONES];

/**
 * Copy directory @from, which must not be in use, to @to, which must not exist. Modes are kept.
 * @how		DB_CLONE_REFLINK or DB_CLONE_COPY
 * Return: 0; -EOPNOTSUPP or -EXDEV the file system has no reflinks (nothing is left); -errno.
 */
int db_clone_tree(const char *from, const char *to, enum db_clone how);

/** Return: files in @dir can be reflinked; tried with a file. */
bool db_clone_reflinks(const char *dir);

/**
 * Return: a process like this one can mount an overlay over directories in @dir, in its own mount
 * namespace; tried, in a child.
 */
bool db_clone_overlays(const char *dir, uid_t uid, gid_t gid);

/**
 * Mount an overlay on @base/data: @lower, and changes in @base/upper. The mount namespace is new
 * and ends with the process; so is the user namespace, unless the process is root. The caller is a
 * child with one thread. All four must be directories of @uid (0 = our own user), and no symbolic
 * links.
 * Return: 0 or -errno.
 */
int db_clone_mount(const char *lower, const char *base, uid_t uid, gid_t gid);

#endif
