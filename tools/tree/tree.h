/* SPDX-License-Identifier: MIT */
#ifndef BERTH_TREE_H
#define BERTH_TREE_H
/*
 * A worker's view of the project directory.
 *
 *	shared	the project directory itself
 *	overlay	an overlay over it for each worker, and over all else that belongs to a worker alone
 *		(parts.h): git repository, home directory, /tmp
 *	copy	a copy for each worker
 *
 *	tree_open()		choose the kind, once for each run; `auto` tries to mount an overlay
 *	tree_enter()		in the worker's init process: mounts and the working directory
 *	tree_leave()		in the worker's init process, after its last process
 *	tree_collect()		in the supervisor, after the worker: what it changed
 *	tree_close()
 *
 * Functions return 0 or -errno; nothing here prints.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/process/namespaces.h"

enum tree_kind { TREE_AUTO, TREE_SHARED, TREE_OVERLAY, TREE_COPY, TREE_KINDS };
extern const char *const tree_kind_names[TREE_KINDS + 1]; /* "auto", ..., NULL */

enum tree_home { TREE_HOME_PRIVATE, TREE_HOME_SHARED, TREE_HOMES };
extern const char *const tree_home_names[TREE_HOMES + 1];

struct tree;

struct tree_setup {
	enum tree_kind requested;
	bool processes; /* each worker is to have processes of its own, namespaces.h */
	unsigned int workers;
	const char *project_dir, *cwd;
	const char *scratch_dir; /* exists; on a file system on a disk, outside the project */
	const char *run_dir;     /* of the run; workers see no other directory beside it */
	const char *install_dir; /* berth's own files; NULL = not needed */
	char *const *hidden;     /* real paths that a worker must not see: records; strv or NULL */
	char *const *shared;     /* paths of which workers need the real ones; a strv */
	enum tree_home home;
};

/**
 * @ret_reason	set if `auto` chose `shared` because no overlay works; the caller's to free
 * Return: 0; -errno and *ret_reason if the requested kind does not work.
 */
int tree_open(const struct tree_setup *setup, struct tree **ret_tree, char **ret_reason);
void tree_close(struct tree *tree);

/**
 * Try whether a worker can have an overlay over @project_dir: a child mounts one.
 * @scratch_dir		exists; on a file system on a disk, outside the project
 * @ret_user_namespace	it needs a user namespace, where setuid programs do not work
 * @ret_reason		why it does not work, the caller's to free
 */
int tree_probe(const char *project_dir, const char *scratch_dir, bool *ret_user_namespace,
               char **ret_reason);

/** The kind that was chosen, never TREE_AUTO; TREE_SHARED for NULL. */
enum tree_kind tree_kind(const struct tree *tree);

/** What could not be private, a line for each: a strv. */
char *const *tree_notes(const struct tree *tree);

/** What worker inits are forked with, before tree_enter(). */
const struct namespaces *tree_namespaces(const struct tree *tree);

/** Why workers share their processes, although they should not. Return: NULL if they need not. */
const char *tree_processes_reason(const struct tree *tree);

/**
 * Change the mounts and the working directory of the calling process, whose namespaces are settled.
 * Return: 0; -errno and perhaps *ret_error, what failed.
 */
int tree_enter(struct tree *tree, unsigned int worker, const char *cwd, char **ret_error);

/** Complete the directories that the worker has renamed, for tree_collect(). */
int tree_leave(const struct tree *tree);

struct tree_collect {
	unsigned int worker;
	const char *tree_dir;      /* where the worker's changes go */
	char *const *globs;        /* --collect; NULL or a strv */
	bool *matched;             /* of each glob: set to true if a file matches it */
	const char *collected_dir; /* where files that match a glob go */
	bool keep;                 /* keep a copy, too */
	const char *reports_dir;   /* where files of its test runner go; NULL = nowhere */
	int64_t since_ns;          /* those written since then, CLOCK_REALTIME */
};

/**
 * Keep what a worker changed.
 * @ret_changed	number of files, deleted ones included; 0 for a copy, whose changes are not known
 */
int tree_collect(const struct tree *tree, const struct tree_collect *collect,
                 unsigned int *ret_changed);

/**
 * Find files of a shared tree that were written since @since_ns (CLOCK_REALTIME). The file system
 * does not know which worker wrote them.
 * @max		number of names to return
 * @ret_names	relative to the project; a strv, the caller's to free
 * Return: how many such files there are among the first 50 000.
 */
unsigned int tree_shared_changes(const struct tree *tree, int64_t since_ns, unsigned int max,
                                 char ***ret_names);

#endif
