/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_TABLE_H
#define BERTH_BASE_TABLE_H
/*
 * A hash table from a number (cookie, pid, hash) to a record of the caller. Open addressing; it
 * grows by doubling and never shrinks. A key cannot be removed.
 *
 *	for (struct table_cell *cell = NULL; (cell = table_next(&table, cell));)
 */
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"

/* {0} is empty */
struct table {
	struct table_cell {
		uint64_t key;
		void *value; /* NULL = the cell is free */
	} * cells;
	size_t size, count; /* of cells; of those in use */
};

/** Return: the value; NULL if the key is missing. */
void *table_get(const struct table *table, uint64_t key);

/** Add a value, or replace it. @value: not NULL. */
void table_set(struct table *table, uint64_t key, void *value);

/** @free_value: called for each value; NULL = the values are not freed. */
void table_free(struct table *table, void (*free_value)(void *value));

/** @cell: NULL = the first. Return: the next cell in use; NULL after the last. */
struct table_cell *table_next(const struct table *table, struct table_cell *cell);

/*
 * FNV-1a, 64 bits, for keys of several parts and for fingerprints. The first @hash is TABLE_HASH.
 */
#define TABLE_HASH BERTH_HASH64
uint64_t table_hash(uint64_t hash, const void *data, size_t len);
uint64_t table_hash_text(uint64_t hash, const char *text); /* NULL counts as "" */

#endif
