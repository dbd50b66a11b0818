/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_HELP_H
#define BERTH_CLI_HELP_H
/* Help, on stdout, from the tables. Each returns the exit status. */
#include <stdbool.h>
#include <stdio.h>

struct verb;

/** @all: show every option, also of a verb that has many */
int help_verb(const struct verb *verb, bool all);

/** Write berth.yaml as a JSON Schema. */
int help_schema(void);

/**
 * Copy the source of a man page. Replace its lines @verbs@, @options@ (of every verb), @keys@
 * (of berth.yaml), @databases@, @allow@, @alarm@, @environment@ and @checks@ (of berth doctor)
 * by what the tables say.
 */
int help_template(FILE *in, FILE *out);

#endif
