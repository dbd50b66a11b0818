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

/* Map to physical names, or to logical ones if @physical is NULL. */
static bool map_binary(struct names *physical, const struct names *logical, const char *data,
                       size_t len, struct str *out)
{
	size_t at = elements_begin(data, len), before = out->len;

	if (!at)
		return false;
	str_add_len(out, data, at);
	while (len - at >= 4) {
		uint32_t size = wire_get32(data + at);
		size_t mark = out->len;

		at += 4;
		wire_add32(out, size);
		if (size == UINT32_MAX) /* NULL */
			continue;
		if (size > len - at)
			break;
		if (physical)
			names_physical(physical, data + at, size, out);
		else
			names_logical(logical, data + at, size, out);
		wire_put32(out->text + mark, (uint32_t)(out->len - mark - 4));
		at += size;
	}
	if (at == len)
		return true;
	out->len = before;
	return false;
}

bool array_binary_physical(struct names *names, const char *data, size_t len, struct str *out)
{
	return map_binary(names, NULL, data, len, out);
}

bool array_binary_logical(const struct names *names, const char *data, size_t len, struct str *out)
{
	return map_binary(NULL, names, data, len, out);
}
