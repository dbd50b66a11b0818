/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_TABLE_H
#define BERTH_BASE_TABLE_H
/*
 * A table from a number (cookie, process, hash) to a record that the caller allocated. Open
 * addressing, grows by doubling, never shrinks; nothing is removed: what a run has seen, its report
 * may name.
 */
#include <stddef.h>
#include <stdint.h>

/* {0} is empty */
struct table {
	struct table_cell {
		uint64_t key;
		void *value;
	} * cells;
	size_t room, count;
};

void *table_get(const struct table *table, uint64_t key);       /* NULL if it is not there */
void table_set(struct table *table, uint64_t key, void *value); /* @value must not be NULL */
void table_free(struct table *table, void (*free_value)(void *value));

/* for (struct table_cell *cell = NULL; (cell = table_next(&table, cell));) */
struct table_cell *table_next(const struct table *table, struct table_cell *cell);

/* FNV-1a, for keys made of several things and for fingerprints. Start with TABLE_HASH. */
#define TABLE_HASH 14695981039346656037ull
uint64_t table_hash(uint64_t hash, const void *data, size_t len);
uint64_t table_hash_text(uint64_t hash, const char *text); /* NULL counts as "" */

#endif
