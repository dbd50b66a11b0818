/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_OUTPUT_H
#define BERTH_CLI_OUTPUT_H
/* JSON output of the verbs */
#include <jansson.h>

/** Print @root on stdout, indented, with a newline, and release it. */
void output_json(json_t *root);

#endif
