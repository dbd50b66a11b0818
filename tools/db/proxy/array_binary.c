/* SPDX-License-Identifier: MIT */
/* A head, two words for each dimension, then the elements, each with its length in front. */
#include "tools/db/proxy/array_binary.h"

#include "tools/base/cleanup.h"
#include "tools/db/proxy/wire.h"

enum { DIMENSIONS_MAX = 6, ARRAY_HEAD = 12, DIMENSION = 8 };

/* name, text, bpchar, varchar, cstring */
static const uint32_t text_types[] = { 19, 25, 1042, 1043, 2275 };

/* Return: where the elements begin; 0 if @data is no array of text. */
static size_t elements_begin(const char *data, size_t len)
{
	uint32_t dimensions = len >= ARRAY_HEAD ? wire_get32(data) : 0;
	size_t begin = ARRAY_HEAD + (size_t)dimensions * DIMENSION;

	if (!dimensions || dimensions > DIMENSIONS_MAX || begin > len)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(text_types); i++)
		if (wire_get32(data + 8) == text_types[i])
			return begin;
	return 0;
}

/* One of the two is NULL. */
struct mapping {
	struct names *physical;
	const struct names *logical;
};

static void map_element(const void *arg, size_t i, const char *element, size_t len, struct str *out)
{
	const struct mapping *mapping = arg;

	(void)i;
	if (mapping->physical)
		names_physical(mapping->physical, element, len, out);
	else
		names_logical(mapping->logical, element, len, out);
}

static bool map_array(const struct mapping *mapping, const char *data, size_t len, struct str *out)
{
	size_t at = elements_begin(data, len), before = out->len;
	bool good = at;

	str_add_len(out, data, at);
	while (good && at < len)
		good = wire_map_cells(data, len, &at, 1, map_element, mapping, out);
	if (!good)
		out->len = before;
	return good;
}

bool array_binary_physical(struct names *names, const char *data, size_t len, struct str *out)
{
	return map_array(&(struct mapping){ .physical = names }, data, len, out);
}

bool array_binary_logical(const struct names *names, const char *data, size_t len, struct str *out)
{
	return map_array(&(struct mapping){ .logical = names }, data, len, out);
}
