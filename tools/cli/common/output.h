/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_OUTPUT_H
#define BERTH_CLI_OUTPUT_H
/* What the output of several verbs shares: JSON for programs. */
#include <jansson.h>

/* Print @root on stdout, indented, with a newline; it is released. */
void output_json(json_t *root);

#endif
