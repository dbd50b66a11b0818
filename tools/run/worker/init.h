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
 * Supervisor and worker init talk over a SOCK_SEQPACKET pair; end of file means that the other is
 * dead.
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
	/* each .pid is the supervisor's number of it; 0 if it is not known */
	INIT_STARTED,  /* the command runs; .pid */
	INIT_FAILED,   /* it does not; .number errno, .text what failed */
	INIT_EXITED,   /* the command ended; .number as wait(2) gave it */
	INIT_STOPPED,  /* the command was stopped; .number signal, .pid */
	INIT_LEFTOVER, /* a process outlived the command; .pid, .text its command line */
	INIT_SURVIVED, /* a process could not be ended (another user's); .pid, .text */
	/* to the worker init */
	INIT_SIGNAL, /* pass .number on to the command, nothing else */
	INIT_END,    /* pass .number on, give grace, then kill */
	INIT_KILL,   /* kill now */
	INIT_JUDGED, /* the leftovers have been looked at: they may be ended */
};

struct worker_init_message {
	uint32_t kind;
	int32_t number;
	int32_t pid;
	char text[244];
};

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

/** Send a message. @text may be NULL. Return: 0; -errno, -EPIPE if the other side is dead. */
int worker_init_send(int channel, enum worker_init_kind kind, int number, pid_t pid,
                     const char *text);

/** Return: 1 and *ret_message; 0 end of file; -EAGAIN no message; -errno. */
int worker_init_receive(int channel, struct worker_init_message *ret_message);

#endif
