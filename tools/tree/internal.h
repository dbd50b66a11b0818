/* SPDX-License-Identifier: MIT */
#ifndef BERTH_TREE_INTERNAL_H
#define BERTH_TREE_INTERNAL_H
/* Between the files of tools/tree. */
#include "tools/tree/parts.h"
#include "tools/tree/tree.h"

struct tree {
	enum tree_kind kind;
	struct namespaces namespaces;
	char *processes_reason; /* why .namespaces has no processes; NULL = it need not say */
	/* real paths; view_dir is the project or the git work tree around it */
	char *project_dir, *view_dir;
	char *scratch_dir, *install_dir, *cwd;
	char *home; /* "/" = none */
	struct tree_parts parts;
	char **hidden; /* real paths; strv */
	bool hides;    /* there is a layer that hides paths of the view */
	char **notes;  /* what could not be private, a strv */
	/* lower and upper of the view, in a worker init whose overlay renames directories; or -1 */
	int layers[2];
};

/** The path SCRATCH/wN-NAME. Return: the caller's to free. */
char *tree_place(const struct tree *tree, unsigned int worker, const char *name);

/** The part of @path below @dir, "" for @dir. Return: inside @path; NULL if it is not below. */
const char *tree_below(const char *dir, const char *path);

/**
 * Find a file or directory below @dir that the caller may write and that another user or group
 * owns. An overlay in a user namespace without privilege cannot copy it.
 * @depth	0 = look at @dir only
 * Return: its path, the caller's to free; NULL if none was found.
 */
char *tree_foreign_owner(const char *dir, int depth);

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

/**
 * Make mounts for the calling process, as tree_enter() does.
 * @ret_path	the part that failed, if one did; the caller's to free
 */
int overlay_enter(struct tree *tree, unsigned int worker, char **ret_path);

/** The sockets and FIFOs of the machine that overlays would hide. Return: a strv. */
char **sockets_find(const struct tree *tree);

/**
 * The top of the git work tree that contains @dir; @dir if there is none, or if it is the home
 * directory or above it.
 * Return: the caller's to free.
 */
char *git_top(const char *dir, const char *home);

/**
 * The directories in which git keeps the repository of the work tree @top, where its .git is a file
 * (git-worktree(1), gitsubmodules(7)). Appends to @dirs.
 */
void git_dirs(const char *top, char ***dirs);

#endif
