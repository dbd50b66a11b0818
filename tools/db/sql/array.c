/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL's manual, "Array Input and Output Syntax": elements are mapped, and all between them
 * is copied.
 */
#include "tools/db/sql/array.h"

#include <string.h>
#include <strings.h>

/*
 * Return: the length of the element at @data: up to its closing quote, or to the sign that ends an
 * unquoted one.
 */
static size_t element_len(const char *data, size_t len, bool quoted)
{
	size_t at = 0;

	while (at < len && (quoted ? data[at] != '"' : !strchr(",{}\"", data[at])))
		at += data[at] == '\\' && at + 1 < len ? 2 : 1;
	return at;
}

bool array_physical(struct names *names, const char *data, size_t len, struct str *out)
{
	if (len < 2 || *data != '{' || data[len - 1] != '}' || memchr(data, 0, len))
		return false;
	for (size_t at = 0; at < len;) {
		bool quoted = data[at] == '"';
		size_t size;

		if (strchr("{}, \"", data[at]))
			str_add_len(out, data + at++, 1);
		if (at == len || (!quoted && strchr("{}, \"", data[at])))
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
