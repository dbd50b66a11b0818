/* SPDX-License-Identifier: MIT */
/*
 * See table.h. At least half of the cells stay free, so that the search for a missing key is short.
 */
#include "tools/base/table.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/str.h"

static size_t place(const struct table *table, uint64_t key)
{
	size_t at = (size_t)(key * 0x9e3779b97f4a7c15ull >> 20) & (table->size - 1);

	while (table->cells[at].value && table->cells[at].key != key)
		at = (at + 1) & (table->size - 1);
	return at;
}

void *table_get(const struct table *table, uint64_t key)
{
	return table->size ? table->cells[place(table, key)].value : NULL;
}

static void grow(struct table *table)
{
	struct table old = *table;

	table->size = old.size ? old.size * 2 : 64;
	table->cells = mem_alloc(table->size * sizeof(*table->cells));
	for (size_t i = 0; i < old.size; i++)
		if (old.cells[i].value)
			table->cells[place(table, old.cells[i].key)] = old.cells[i];
	free(old.cells);
}

void table_set(struct table *table, uint64_t key, void *value)
{
	size_t at;

	if (table->count * 2 >= table->size)
		grow(table);
	at = place(table, key);
	table->count += !table->cells[at].value;
	table->cells[at] = (struct table_cell){ key, value };
}

void table_free(struct table *table, void (*free_value)(void *value))
{
	for (size_t i = 0; i < table->size; i++)
		if (table->cells[i].value && free_value)
			free_value(table->cells[i].value);
	free(table->cells);
	*table = (struct table){ 0 };
}

struct table_cell *table_next(const struct table *table, struct table_cell *cell)
{
	struct table_cell *end = table->cells + table->size;

	for (cell = cell ? cell + 1 : table->cells; cell < end; cell++)
		if (cell->value)
			return cell;
	return NULL;
}

uint64_t table_hash(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *byte = data;

	for (size_t i = 0; i < len; i++)
		hash = berth_hash64_byte(hash, byte[i]);
	return hash;
}

uint64_t table_hash_text(uint64_t hash, const char *text)
{
	return table_hash(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}
