/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_EXEC_COMMAND_H
#define BERTH_ISOLATE_EXEC_COMMAND_H
/*
 * The first program of a worker is executed by us, past every exec hook of the shim: what the hook would do is done here.
 */
#include "core/portmap.h"

/**
 * Execute @argv as execvp(3) does; through @launcher (NULL = there is none) if the shim cannot enter the program. What
 * escapes all the same is noted in @map.
 * Return: -errno.
 */
int isolate_exec_command(struct berth_portmap *map, const char *launcher, char **argv);

#endif
