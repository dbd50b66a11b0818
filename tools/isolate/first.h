/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_FIRST_H
#define BERTH_ISOLATE_FIRST_H
/*
 * The first program of a worker is executed by us, past every exec hook of the shim: what the hook would do is done here.
 */

/** Execute @argv as execvp(3) does; through @launcher if the shim cannot enter the program. Return: -errno. */
int first_exec(const char *launcher, char **argv);

#endif
