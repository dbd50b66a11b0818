/* SPDX-License-Identifier: MIT */
/*
 * The forms of an array (PostgreSQL's manual, "Array Input and Output Syntax"; array_send()): in text, elements are mapped in
 * their places, and everything between them is copied; in binary form each element has its length before it.
 */
#include "tools/db/sql/array.h"

#include <string.h>
#include <strings.h>

#include "tools/base/cleanup.h"
#include "tools/db/proxy/wire.h"

enum { DIMENSIONS_MAX = 6, ARRAY_HEAD = 12, DIMENSION = 8 };

/* name, text, bpchar, varchar, cstring */
static const uint32_t text_types[] = { 19, 25, 1042, 1043, 2275 };

bool array_is_text(const char *data, size_t len)
{
	return len >= 2 && *data == '{' && data[len - 1] == '}';
}

/* Return: the length of the element that begins at @data: up to its closing quote, or to what ends one without. */
static size_t element_len(const char *data, size_t len, bool quoted)
{
	size_t at = 0;

	while (at < len && (quoted ? data[at] != '"' : !strchr(",{}\"", data[at])))
		at += data[at] == '\\' && at + 1 < len ? 2 : 1;
	return at;
}

bool array_physical_text(struct names *names, const char *data, size_t len, struct str *out)
{
	if (!array_is_text(data, len) || memchr(data, 0, len))
		return false;
	for (size_t at = 0; at < len;) {
		bool quoted = data[at] == '"';
		size_t size;

		if (strchr("{},", data[at]) || data[at] == ' ' || quoted)
			str_add_len(out, data + at++, 1);
		if (at == len ||
		    (!quoted && (strchr("{},", data[at]) || data[at] == ' ' || data[at] == '"')))
			continue;
		size = element_len(data + at, len - at, quoted);
		if (!size || memchr(data + at, '\\', size) ||
		    (!quoted && size == 4 && !strncasecmp(data + at, "null", 4)))
			str_add_len(out, data + at, size);
		else
			names_physical(names, data + at, size, out);
		at += size;
		if (quoted && at < len)
			str_add_len(out, data + at++, 1);
	}
	return true;
}

/* Return: where the elements begin; 0 if it is no array of text. */
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

/* @physical NULL: to logical names. */
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

bool array_physical_binary(struct names *names, const char *data, size_t len, struct str *out)
{
	return map_binary(names, NULL, data, len, out);
}

bool array_logical_binary(const struct names *names, const char *data, size_t len, struct str *out)
{
	return map_binary(NULL, names, data, len, out);
}
