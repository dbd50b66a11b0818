/* SPDX-License-Identifier: MIT */
#ifndef BERTH_TREE_TREE_PRIVATE_H
#define BERTH_TREE_TREE_PRIVATE_H
/* Between tree.c, overlay.c and collect.c. */
#include "tools/tree/tree.h"

struct tree {
	enum tree_kind kind;
	bool user_namespace, private_tmp;
	char *project_dir, *results_dir; /* real paths */
	char *scratch_dir, *cwd;
	char **needed;
};

/* SCRATCH/wN-NAME; the caller's to free. */
char *tree_place(const struct tree *tree, unsigned int worker, const char *name);

/* The part of @path below @dir, "" for @dir itself; NULL if it is not below. */
const char *tree_below(const char *dir, const char *path);

/**
 * A file or directory below @dir that the caller may write, but that belongs to a user or group which a user namespace without
 * privilege does not have. Return: its path, to be freed; NULL: none was found.
 */
char *owners_lost(const char *dir);

/* In a process of its own: namespaces, mounts, working directory. See tree_enter(). */
int overlay_enter(const struct tree *tree, unsigned int worker, const char *cwd, char **ret_error);

/* False if something that every worker needs is /tmp itself. */
bool overlay_can_hide_tmp(const struct tree *tree);

#endif
