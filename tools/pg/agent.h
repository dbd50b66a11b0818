/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PG_AGENT_H
#define BERTH_PG_AGENT_H
/*
 * A long-lived child process with a line to its parent, in both directions. Unlike a job it outlives a parent that was
 * killed, for as long as it takes to clean up: it sees the end of the line.
 */
#include <stdbool.h>

#include "tools/base/loop.h"

struct agent;

/* in the child; its process ends with the return */
typedef void (*agent_main_fn)(void *arg, int line);
/* one line of the child's, without the newline */
typedef void (*agent_line_fn)(void *arg, const char *text);
typedef void (*agent_end_fn)(void *arg); /* once; the agent is freed after it */

int agent_start(struct loop *loop, agent_main_fn run, void *run_arg, agent_line_fn said,
                agent_end_fn ended, void *arg, struct agent **ret_agent);
void agent_say(struct agent *agent, const char *text);
void agent_discard(struct agent *agent); /* kills it; ended() is not called; NULL is fine */

/* In the child: say something; wait up to @timeout_ms for the next line. Return: the line, the caller's to free; NULL. */
void agent_tell(int line, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *agent_hear(int line, int timeout_ms, bool *ret_closed);

#endif
