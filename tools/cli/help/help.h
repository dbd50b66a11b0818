/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_HELP_H
#define BERTH_CLI_HELP_H
/* Help, on stdout, from the tables. Each returns the exit status. */
#include <stdio.h>

struct verb;

int help_verb(const struct verb *verb);
int help_schema(void); /* berth.yaml as a JSON Schema */

/**
 * Copy the source of a man page, putting what the tables say in place of its lines @verbs@, @options@ (of every verb),
 * @keys@ (of berth.yaml), @databases@, @allow@, @alarm@, @environment@ and @checks@ (of berth doctor).
 */
int help_template(FILE *in, FILE *out);

#endif
