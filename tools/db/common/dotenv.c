/* SPDX-License-Identifier: MIT */
/* A value may refer to itself, directly or through others, so there is a limit of look-ups. */
#include "tools/db/common/dotenv.h"

#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

enum { LOOKUPS_MAX = 200, VALUE_MAX = 4096 };

/* Return: where the value of @name begins in the lines of @text; NULL if there is none. */
static const char *find_value(const char *text, const char *name, size_t len)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n \t");
		if (str_starts(line, "export "))
			line += strlen("export ");
		if (!strncmp(line, name, len) && line[len] == '=')
			return line + len + 1;
	}
	return NULL;
}

static char *expand(const char *text, const char *value, int *lookups);

static char *get(const char *text, const char *name, size_t len, int *lookups)
{
	const char *value = ++*lookups < LOOKUPS_MAX ? find_value(text, name, len) : NULL;
	char quote = value && *value && strchr("\"'", *value) ? *value : 0;
	cleanup_free char *raw = NULL;

	if (!value)
		return NULL;
	raw = quote ? str_copy_len(value + 1, strcspn(value + 1, (char[]){ quote, 0 }))
	            : str_copy_len(value, strcspn(value, " \t\r\n#"));
	return quote == '\'' ? steal(&raw) : expand(text, raw, lookups);
}

/* Add the reference at @at, which begins with "${". Return: its length; 0 = it is none. */
static size_t add_reference(struct str *out, const char *text, const char *at, int *lookups)
{
	size_t len = strcspn(at, "}"), name_len = strcspn(at + 2, ":-}");
	const char *rest = at + 2 + name_len, *value = rest + (*rest == ':') + 1;
	cleanup_free char *found = get(text, at + 2, name_len, lookups);

	if (at[len] != '}')
		return 0;
	if (found && (*found || *rest != ':'))
		str_add(out, found);
	else if (*rest == '-' || (*rest == ':' && rest[1] == '-'))
		str_add_len(out, value, (size_t)(at + len - value));
	else
		str_add_len(out, at, len + 1);
	return len + 1;
}

static char *expand(const char *text, const char *value, int *lookups)
{
	struct str out = { 0 };

	while (*value && out.len < VALUE_MAX) {
		size_t len = str_starts(value, "${") ? add_reference(&out, text, value, lookups)
		                                     : 0;

		if (!len)
			str_add_len(&out, value, 1);
		value += len ? len : 1;
	}
	return str_take(&out);
}

char *dotenv_get(const char *text, const char *name)
{
	int lookups = 0;

	return get(text, name, strlen(name), &lookups);
}

char *dotenv_expand(const char *text, const char *value)
{
	int lookups = 0;

	return expand(text, value, &lookups);
}
