/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_CONTROL_H
#define BERTH_RUN_CONTROL_H
/*
 * What may be asked of a run while it goes on: `berth db reset` and `berth db snapshot`.
 *
 *	control_open()		the supervisor listens, until control_close()
 *	control_ask()		in another process: asks, and waits for the answer
 *
 * A request is one message: a word, a worker's number and perhaps a name; its answer is one message, "ok" or what is wrong. Only
 * root and the run's own user are heard: who may reset a database may destroy it.
 */
#include "tools/run/run.h"

struct control;

int control_open(struct run *run, struct control **ret_control);
void control_close(struct control *control);

/**
 * @run_dir	run-time files of the run
 * @name	of a snapshot; may be NULL
 * @ret_text	what is wrong, in the run's words, the caller's to free; NULL if it said nothing
 * Return: 0 when it is done; -ENOENT no such run; -EACCES it is another user's; -ETIMEDOUT; -EPROTO it refuses, see *ret_text.
 */
int control_ask(const char *run_dir, const char *word, unsigned int worker, const char *name,
                char **ret_text);

#endif
