/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_COMMAND_H
#define BERTH_RUN_WORKER_COMMAND_H
/* The process of a worker's command, which its worker init starts. */
#include "tools/run/worker/init.h"

/**
 * Start the command.
 * @group	the process group of a single worker's command; 0 = ours
 * @answer	pipe, close-on-exec: gets an INIT_FAILED if the command cannot be executed
 * Return: as fork(2), in the parent.
 */
pid_t command_start(const struct worker_init_setup *setup, pid_t group, int answer);

#endif
