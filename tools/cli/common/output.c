/* SPDX-License-Identifier: MIT */
/* JSON on stdout. Jansson's objects keep the order in which keys were set, so output is stable. */
#include "tools/cli/common/output.h"

#include <stdio.h>

void output_json(json_t *root)
{
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}
