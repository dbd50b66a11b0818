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

struct coproc_setup {
	struct loop *loop;
	void (*main)(void *arg, int line); /* in the child, whose process ends when it returns */
	void *main_arg;
	/* in the parent: one line of the child, without the newline */
	void (*on_line)(void *arg, const char *text);
	void (*on_end)(
		void *arg); /* in the parent, at the child's end; the coproc is freed after */
	void *arg;
};

int coproc_start(const struct coproc_setup *setup, struct coproc **ret_coproc);

/** In the parent: send a line to the child. */
void coproc_send(struct coproc *coproc, const char *text);

/** In the parent: kill the child without calling .on_end. NULL is allowed. */
void coproc_kill(struct coproc *coproc);

/** In the child: send a line to the parent. */
void coproc_report(int line, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * In the child: wait up to @timeout_ms for a line of the parent.
 * @ret_closed	the parent has ended
 * Return: the line, the caller's to free; NULL if there is none.
 */
char *coproc_receive(int line, int timeout_ms, bool *ret_closed);

#endif
