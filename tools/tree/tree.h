/* SPDX-License-Identifier: MIT */
#ifndef BERTH_TREE_H
#define BERTH_TREE_H
/*
 * The working tree, the third thing that copies of a suite share: `shared` is the project as it is; `overlay` is a view of
 * it per worker, with a private /tmp and /dev/shm; `copy` is a copy per worker.
 *
 *	tree_open()		choose, once per run; `auto` tries the overlay for real
 *	tree_prepare()		in the supervisor, before a worker starts
 *	tree_enter()		in the worker's worker init: mounts, and the working directory
 *	tree_collect()		in the supervisor, when the worker is gone: what it changed
 *	tree_close()
 *
 * Functions return 0 or -errno; nothing here prints.
 */
#include <stdbool.h>
#include <stdint.h>

enum tree_kind { TREE_AUTO, TREE_SHARED, TREE_OVERLAY, TREE_COPY, TREE_KINDS };
extern const char *const tree_kind_names[TREE_KINDS + 1]; /* "auto", ..., NULL */

struct tree;

struct tree_setup {
	enum tree_kind wanted;
	unsigned int workers;
	const char *project_dir, *cwd, *results_dir;
	const char *scratch_dir; /* exists; on a real file system, outside of the project */
	/* more places that a worker must see below a private /tmp; NULL-terminated */
	const char *const *needed;
};

/**
 * @ret_reason	set when `auto` had to do without the overlay: a half-sentence for people, the caller's to free
 * Return: 0; -errno and *ret_reason when the wanted tree cannot be had.
 */
int tree_open(const struct tree_setup *setup, struct tree **ret_tree, char **ret_reason);
void tree_close(struct tree *tree);

/**
 * Can a worker have an overlay over @project_dir here? Really mounts one, in a child, and takes it down.
 * @scratch_dir		exists; on a real file system, outside of the project
 * @ret_user_namespace	it takes one, so that sudo and setuid programs cannot work in it
 * @ret_reason		why not, the caller's to free
 * Return: 0; -errno.
 */
int tree_probe(const char *project_dir, const char *scratch_dir, bool *ret_user_namespace,
               char **ret_reason);

/* The tree in force; never TREE_AUTO. */
enum tree_kind tree_kind(const struct tree *tree);

/* True if workers have a /tmp of their own. */
bool tree_private_tmp(const struct tree *tree);

/* True if sudo and setuid programs cannot work, because it takes a user namespace. */
bool tree_in_user_namespace(const struct tree *tree);

int tree_prepare(const struct tree *tree, unsigned int worker);

/** Return: 0; -errno and perhaps *ret_error, what failed. */
int tree_enter(const struct tree *tree, unsigned int worker, const char *cwd, char **ret_error);

struct tree_collect {
	unsigned int worker;
	const char *tree_dir;      /* where what it changed is kept */
	char *const *globs;        /* --collect; NULL or a strv */
	const char *collected_dir; /* where files that match go */
	bool keep;                 /* a copy as well */
};

/**
 * Keep what a worker changed, if anything.
 * @ret_changed	number of files, deleted ones included; unknown (0) for a copy
 */
int tree_collect(const struct tree *tree, const struct tree_collect *collect,
                 unsigned int *ret_changed);

/**
 * Files of a shared tree that were written since @since_ns (CLOCK_REALTIME). Which worker wrote them the file system does
 * not say; any two may have written the same one.
 * @most	names to return at most
 * Return: how many there are, among the first 50 000 files.
 */
unsigned int tree_shared_changes(const struct tree *tree, int64_t since_ns, unsigned int most,
                                 char ***ret_names);

#endif
