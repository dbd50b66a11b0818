/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_COMMAND_H
#define BERTH_RUN_WORKER_COMMAND_H
/* The process of a worker's command, or of a further program, which its worker init starts. */
#include "tools/run/worker/init.h"

struct program {
	uint32_t id; /* 0 = the command; else a program of `berth exec` */
	pid_t pid;   /* 0 once it has been waited for */
	int in, out, err;
	const char *cwd; /* NULL = as it is */
	char **argv, **envp;
};

/**
 * Start @program.
 * @group	the process group of a single worker's command; 0 = ours
 * @answer	pipe, close-on-exec: gets an INIT_FAILED if the program cannot be executed
 * Return: as fork(2), in the parent.
 */
pid_t command_start(const struct worker_init_setup *setup, const struct program *program,
                    pid_t group, int answer);

#endif
