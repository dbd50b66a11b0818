/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_EXPLAIN_H
#define BERTH_CLI_EXPLAIN_H
/* `berth explain` has a kind of answer per kind of question, each in a file of its own. Each prints; Return: exit status. */
struct cli;

int explain_port(struct cli *cli, unsigned int port);
int explain_program(struct cli *cli, const char *name);

#endif
