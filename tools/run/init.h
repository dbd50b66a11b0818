/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_INIT_H
#define BERTH_RUN_INIT_H
/*
 * The worker init: one small process per worker, parent of everything in it.
 *
 * It is a child subreaper (prctl(2)), so whatever the suite starts, however often it forks and whatever session it opens,
 * is the worker init's descendant until it ends; when the command is done, or the supervisor says so, or the supervisor is
 * dead, the worker init ends all of it and only then exits itself. With a cgroup that is one write; without, it walks its own
 * children.
 *
 * Supervisor and worker init talk over a SOCK_SEQPACKET pair; end of file means that the other is dead.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "tools/isolate/isolate.h"
#include "tools/limits/limits.h"

enum worker_init_kind {
	/* from the worker init */
	INIT_STARTED,  /* the command runs; .pid */
	INIT_FAILED,   /* it does not; .number errno, .text what failed */
	INIT_EXITED,   /* the command ended; .number as wait(2) gave it */
	INIT_STOPPED,  /* the command was stopped; .number signal */
	INIT_LEFTOVER, /* it left this process behind; .pid, .text its command line */
	INIT_SURVIVED, /* this process could not be ended (another user's); .pid, .text */
	/* to the worker init */
	INIT_SIGNAL, /* pass .number on to the command, nothing else */
	INIT_END,    /* pass .number on, give grace, then kill */
	INIT_KILL,   /* kill now */
	INIT_JUDGED, /* what the command left has been looked at: it may be ended */
};

struct worker_init_message {
	uint32_t kind;
	int32_t number;
	int32_t pid;
	char text[244];
};

/* What a process was before the supervisor changed it for itself: the command gets it back. */
struct worker_init_inherit {
	sigset_t mask;
	struct sigaction pipe, child;
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
	bool watched; /* the supervisor says INIT_JUDGED */
	const struct worker_init_inherit *inherit;
	struct isolate *isolate;
	const struct tree *tree;
	void (*forget)(void *arg); /* close what of the supervisor's a worker init must not hold */
	void *forget_arg;
};

/**
 * Start the worker init, and in it the command.
 * @ret_channel	close-on-exec; to send waits for room, to receive does not wait
 * Return: the worker init's pid; -errno.
 */
pid_t worker_init_start(const struct worker_init_setup *setup, int *ret_channel);

/** Send a message. Return: 0; -errno, -EPIPE if the other side is dead. */
int worker_init_send(int channel, enum worker_init_kind kind, int number, pid_t pid,
                     const char *text);

/** Return: 1 and *ret_message; 0 end of file; -EAGAIN nothing there; -errno. */
int worker_init_receive(int channel, struct worker_init_message *ret_message);

#endif
