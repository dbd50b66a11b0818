/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_OUTPUT_H
#define BERTH_CLI_OUTPUT_H
/* What the output of several verbs shares: JSON for programs, and no passwords. */
#include <jansson.h>

/* Print @root on stdout, indented, with a newline; it is released. */
void output_json(json_t *root);

/* A strv as an array; NULL is the empty one. */
json_t *output_strings(char *const *strv);

/**
 * @text without the passwords of URLs in it: postgresql://user:secret@host -> postgresql://user:***@host.
 * Return: the caller's to free.
 */
char *output_redacted(const char *text);

#endif
