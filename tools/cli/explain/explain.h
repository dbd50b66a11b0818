/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_EXPLAIN_H
#define BERTH_CLI_EXPLAIN_H
/* `berth explain` for a port and for a program. Each prints the answer. Return: the exit status. */
struct cli;

int explain_port(struct cli *cli, unsigned int port);
int explain_program(struct cli *cli, const char *name);

#endif
