/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_EXEC_H
#define BERTH_RUN_EXEC_H
/*
 * `berth exec`: a further program in a live worker.
 *
 *	exec_open()		in the supervisor: listens, until exec_close()
 *	exec_event()		there: what the worker init says about a program
 *	exec_ask()		in another process: asks, and gets a connection
 *	exec_receive()		there: what became of the program
 *
 * The worker init starts the program, so that it is like any other of the worker. It gets the
 * client's streams as they are. The connection lives as long as both; when the client goes away,
 * the program gets SIGHUP and SIGTERM, unless it is detached. Only root and the run's own user may
 * ask.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/base/loop.h"
#include "tools/run/worker/message.h"

struct exec_sessions;

struct exec_setup {
	struct loop *loop;
	const char *run_dir; /* run-time files of the run */
	/* Return: 0; -EINVAL no such worker; -EPIPE it does not run now; -errno. */
	int (*start)(void *arg, unsigned int worker, uint32_t id, const int fds[INIT_FDS]);
	void (*signal)(void *arg, unsigned int worker, uint32_t id, int number);
	void *arg;
};

/** Return: 0; -errno. */
int exec_open(const struct exec_setup *setup, struct exec_sessions **ret_sessions);
void exec_event(struct exec_sessions *sessions, const struct worker_init_message *message);
void exec_close(struct exec_sessions *sessions);

struct exec_request {
	unsigned int worker;
	bool detached;     /* the program stays when the client goes away */
	const char *cwd;   /* "" = that of the worker's command */
	const char *term;  /* of the client's terminal; "" = as the worker's command has it */
	char *const *argv; /* strv, not empty */
	int streams[3];
};

/**
 * Ask the supervisor of the run whose run-time files are in @run_dir.
 * Return: a connection: readable when there is a message, and struct exec_signal may be sent on
 *	   it; -ENOENT no such run; -EACCES another user's; -errno.
 */
int exec_ask(const char *run_dir, const struct exec_request *request);

/** Send signal @number to the program's process group. */
void exec_signal(int connection, int number);

/** Return: 1 and *ret_message, as the worker init sent it; 0 the worker is gone; -errno. */
int exec_receive(int connection, struct worker_init_message *ret_message);

#endif
