/* SPDX-License-Identifier: MIT */
/* Jansson's objects keep the order in which keys were set, so output is stable. */
#include "tools/cli/output.h"

#include <stdio.h>
#include <string.h>

#include "tools/base/json.h"
#include "tools/base/str.h"

void output_json(json_t *root)
{
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

json_t *output_strings(char *const *strv)
{
	json_t *array = json_array();

	for (; strv && *strv; strv++)
		json_array_append_new(array, json_text(*strv));
	return array;
}

char *output_redacted(const char *text)
{
	struct str out = { 0 };

	for (const char *scheme; (scheme = strstr(text, "://"));) {
		size_t len = strcspn(scheme + 3, "/ ,'\"");
		const char *at = memrchr(scheme + 3, '@', len);
		const char *colon = at ? memchr(scheme + 3, ':', (size_t)(at - scheme - 3)) : NULL;

		str_add_len(&out, text, (size_t)((colon ? colon + 1 : scheme + 3) - text));
		if (colon)
			str_add(&out, "***");
		text = colon ? at : scheme + 3;
	}
	str_add(&out, text);
	return str_take(&out);
}
