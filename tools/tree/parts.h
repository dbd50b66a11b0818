/* SPDX-License-Identifier: MIT */
#ifndef BERTH_TREE_PARTS_H
#define BERTH_TREE_PARTS_H
/*
 * The parts of a worker's view that are not simply what the machine has there. The supervisor finds
 * them once for each run; overlay.c mounts them for each worker.
 *
 *	parts_find()	after the fields of struct tree that it reads have been set
 *	parts_share()	if a part cannot be mounted
 *	parts_free()
 */
#include <stdbool.h>
#include <stddef.h>

struct tree;
struct tree_setup;

enum part_kind {
	PART_OVERLAY, /* what the machine has, and the worker's changes */
	PART_EMPTY,   /* an empty directory in memory */
	PART_REAL,    /* what the machine has, inside of another part */
};

struct tree_part {
	char *path; /* real */
	enum part_kind kind;
	bool mounted; /* a mount point: an overlay above does not show what is there */
	bool memory;  /* the worker's changes are kept in memory */
	bool quiet;   /* no message if all workers share it */
};

struct tree_parts {
	struct tree_part *list; /* a directory comes before those below it */
	size_t count;
};

void parts_find(struct tree *tree, const struct tree_setup *setup);
void parts_free(struct tree_parts *parts);

/** Return: the deepest part of the first @count in which @path lies; NULL if there is none. */
const struct tree_part *parts_above(const struct tree_parts *parts, size_t count, const char *path);

/**
 * All workers share @path, as an overlay over it cannot work because of @cause.
 * Return: false if it is the project or no overlay.
 */
bool parts_share(struct tree *tree, const char *path, const char *cause);

#endif
