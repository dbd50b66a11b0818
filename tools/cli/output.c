/* SPDX-License-Identifier: MIT */
/* Jansson's objects keep the order in which keys were set, so output is stable. */
#include "tools/cli/output.h"

#include <stdio.h>

#include "tools/base/json.h"

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
