/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_COPROCESS_H
#define BERTH_PROCESS_COPROCESS_H
/*
 * A coprocess: a long-lived child process that exchanges lines of text with its parent. Unlike a
 * job it outlives a parent that was killed, for as long as it needs to clean up: it sees the end of
 * the connection.
 */
#include <stdbool.h>

#include "tools/base/loop.h"

struct coproc;

/* in the child, whose process ends when it returns */
typedef void (*coproc_main_fn)(void *arg, int line);
/* in the parent: one line of the child, without the newline */
typedef void (*coproc_line_fn)(void *arg, const char *text);
typedef void (*coproc_end_fn)(void *arg); /* in the parent, at the child's end */

int coproc_start(struct loop *loop, coproc_main_fn run, void *run_arg, coproc_line_fn on_line,
                 coproc_end_fn on_end, void *arg, struct coproc **ret_coproc);
void coproc_say(struct coproc *coproc, const char *text);
void coproc_discard(struct coproc *coproc); /* kill it without calling @on_end; NULL is allowed */

/*
 * In the child: send a line to the parent; wait up to @timeout_ms for a line of the parent.
 * Return: the line, the caller's to free; NULL if there is none.
 */
void coproc_tell(int line, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *coproc_hear(int line, int timeout_ms, bool *ret_closed);

#endif
