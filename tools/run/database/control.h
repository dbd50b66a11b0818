/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_DATABASE_CONTROL_H
#define BERTH_RUN_DATABASE_CONTROL_H
/*
 * Requests to a run while it goes on: `berth db reset` and `berth db snapshot`.
 *
 *	control_open()		in the supervisor: listens, until control_close()
 *	control_ask()		in another process: asks, and waits for the answer
 *
 * A request is one message: a word, a worker's number, perhaps a name. The answer is one message:
 * "ok" or what failed. Only root and the run's own user may ask: a reset may destroy a database.
 */
#include "tools/base/loop.h"

struct control;

/** @text: for people, NULL if @error says all. */
typedef void (*control_done_fn)(void *arg, int error, const char *text);

/** Begin. Return: 0, then @done is called once; -errno. @name may be NULL. */
typedef int (*control_request_fn)(void *arg, unsigned int worker, const char *name,
                                  control_done_fn done, void *done_arg);

struct control_setup {
	struct loop *loop;
	const char *run_dir; /* run-time files of the run */
	control_request_fn reset, snapshot;
	char *(*refusal)(const char *name, int error); /* why a request was not begun */
	void *arg;
};

/** Return: 0; -errno. */
int control_open(const struct control_setup *setup, struct control **ret_control);
void control_close(struct control *control);

/**
 * @run_dir	run-time files of the run
 * @word	"reset" or "snapshot"
 * @name	of a snapshot; may be NULL
 * @ret_text	why the run refused, the caller's to free; NULL if it gave no reason
 * Return: 0 when it is done; -ENOENT no such run; -EACCES another user's run; -ETIMEDOUT;
 * -EPROTO refused, see *ret_text.
 */
int control_ask(const char *run_dir, const char *word, unsigned int worker, const char *name,
                char **ret_text);

#endif
