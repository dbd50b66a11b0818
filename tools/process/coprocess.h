/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_COPROCESS_H
#define BERTH_PROCESS_COPROCESS_H
/*
 * A long-lived child process with a line to its parent, in both directions. Unlike a job it outlives a parent that was
 * killed, for as long as it takes to clean up: it sees the end of the line.
 */
#include <stdbool.h>

#include "tools/base/loop.h"

struct coproc;

/* in the child; its process ends with the return */
typedef void (*coproc_main_fn)(void *arg, int line);
/* one line of the child's, without the newline */
typedef void (*coproc_line_fn)(void *arg, const char *text);
typedef void (*coproc_end_fn)(void *arg); /* once; the agent is freed after it */

int coproc_start(struct loop *loop, coproc_main_fn run, void *run_arg, coproc_line_fn said,
                 coproc_end_fn ended, void *arg, struct coproc **ret_agent);
void coproc_say(struct coproc *agent, const char *text);
void coproc_discard(struct coproc *agent); /* kills it; ended() is not called; NULL is fine */

/* In the child: say something; wait up to @timeout_ms for the next line. Return: the line, the caller's to free; NULL. */
void coproc_tell(int line, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *coproc_hear(int line, int timeout_ms, bool *ret_closed);

#endif
