/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_HELP_H
#define BERTH_CLI_HELP_H
/* Help, on stdout, from the tables. Each returns the exit status. */
struct verb;

int help_overview(void);
int help_verb(const struct verb *verb);

#endif
