/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_TEMPLATE_CLONE_H
#define BERTH_DB_TEMPLATE_CLONE_H
/* Copies of a data directory. For use in a job: all of this blocks. */

#include <sys/types.h>

enum db_clone { DB_CLONE_REFLINK, DB_CLONE_OVERLAY, DB_CLONE_COPY, DB_CLONES };

extern const char *const db_clone_names[DB_CLONES];

/**
 * Copy the tree @from, which must not be in use, to @to, which must not exist. Modes are kept.
 * @how		DB_CLONE_REFLINK or DB_CLONE_COPY
 * Return: 0; -EOPNOTSUPP or -EXDEV the file system has no reflinks (nothing is left); -errno.
 */
int db_clone_tree(const char *from, const char *to, enum db_clone how);

/** True if files in @dir can be reflinked: tried with a file. */
int db_clone_reflinks(const char *dir);

/**
 * True if an overlay over directories in @dir can be mounted by a process like ours in a mount namespace of its own:
 * tried, in a child.
 */
int db_clone_overlays(const char *dir, uid_t uid, gid_t gid);

/**
 * Mount @lower with what is written going to @base/upper on @base/data, in a new mount namespace that dies with the
 * process (a user namespace too, if we are not root). Must be called in a child with one thread. All four directories must be
 * @uid's (0 = ours), with no symbolic link in their places.
 * Return: 0 or -errno.
 */
int db_clone_mount(const char *lower, const char *base, uid_t uid, gid_t gid);

#endif
