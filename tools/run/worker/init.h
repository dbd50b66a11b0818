/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_INIT_H
#define BERTH_RUN_WORKER_INIT_H
/*
 * The worker init: one small process per worker, the parent of everything in it.
 *
 * It is a child subreaper, prctl(2): whatever the suite starts stays its descendant, however often
 * it forks and whatever session it opens. It ends all of them and then itself when the command is
 * done, when the supervisor says so, or when the supervisor is dead. With a cgroup that is one
 * write; without one it walks its children.
 *
 * It also starts further programs of the worker (`berth exec`): as its children these have the
 * worker's namespaces, cgroup, limits and rights. So it keeps the rights of the command.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "tools/isolate/isolate.h"
#include "tools/limits/limits.h"
#include "tools/run/worker/message.h"

/* What the supervisor changed for itself, as it was before: the command gets it back. */
struct worker_init_inherit {
	sigset_t mask;
	struct sigaction pipe, file_size, child;
	struct rlimit files;
};

struct tree;

struct worker_init_setup {
	unsigned int number; /* of the worker */
	bool single;         /* the command stays in our session and process group */
	char **argv, **envp;
	const char *cwd;
	int in, out, err; /* the command's streams */
	int cgroup;       /* -1 if there is none */
	const struct limits *limits;
	int64_t grace_ms;
	bool judged; /* the supervisor sends INIT_JUDGED */
	const struct worker_init_inherit *inherit;
	struct isolate *isolate;
	struct tree *tree;
	/* in the new process: close what only the supervisor may hold */
	void (*close_descriptors)(void *arg);
	void *arg;
};

/**
 * Start the worker init, and in it the command.
 * @ret_channel	close-on-exec; sending waits for space, receiving does not wait
 * Return: its pid; -errno.
 */
pid_t worker_init_start(const struct worker_init_setup *setup, int *ret_channel);

#endif
