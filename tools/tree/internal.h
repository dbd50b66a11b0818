/* SPDX-License-Identifier: MIT */
#ifndef BERTH_TREE_INTERNAL_H
#define BERTH_TREE_INTERNAL_H
/* Between the files of tools/tree. */
#include "tools/tree/tree.h"

struct tree {
	enum tree_kind kind;
	struct namespaces namespaces;
	char *processes_reason; /* why .namespaces has no processes; NULL = it need not say */
	bool private_tmp;
	bool hides;        /* there is a layer that hides paths of the project */
	char *project_dir; /* a real path */
	char **hidden;     /* real paths; strv */
	char *scratch_dir, *cwd;
	/* in a worker init whose overlay renames directories: of its layers; else -1 */
	int layers[2]; /* lower, upper */
	char **needed; /* paths that a worker must see below a private /tmp; strv */
};

/** The path SCRATCH/wN-NAME. Return: the caller's to free. */
char *tree_place(const struct tree *tree, unsigned int worker, const char *name);

/** The part of @path below @dir, "" for @dir. Return: inside @path; NULL if it is not below. */
const char *tree_below(const char *dir, const char *path);

/**
 * Find a file or directory below @dir that the caller may write and that another user or group
 * owns. An overlay in a user namespace without privilege cannot copy it.
 * Return: its path, the caller's to free; NULL if none was found.
 */
char *tree_foreign_owner(const char *dir);

/**
 * As root, an overlay renames a directory that existed before by a note of its old place, and the
 * upper directory has only what the worker changed in it. Copy the rest. Reads the notes, so it
 * needs CAP_SYS_ADMIN.
 * @lower	what @upper hides; NULL = nothing
 * @renamed	@upper or a directory above it has such a note
 */
int tree_fill_renamed(const char *project, const char *upper, const char *lower, bool renamed,
                      int depth);

/** True if @path is hidden, or below a hidden one. */
bool tree_is_hidden(const struct tree *tree, const char *path);

/** Make mounts for the calling process, as tree_enter() does. */
int overlay_enter(struct tree *tree, unsigned int worker, const char *cwd, char **ret_error);

/** False if a path that every worker needs is /tmp itself. */
bool overlay_can_hide_tmp(const struct tree *tree);

#endif
