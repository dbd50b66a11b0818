/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_CONSOLE_H
#define BERTH_RUN_WORKER_CONSOLE_H
/*
 * Our own stdout and stderr, for what workers write and for tools/base/log.h. Nothing here blocks:
 * text that a slow reader does not take at once waits in a queue, in order.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/base/loop.h"
#include "tools/base/str.h"

struct console;

/** @on_blocked: called when text begins to wait, and when none waits any more. */
struct console *console_open(struct loop *loop, void (*on_blocked)(void *arg, bool blocked),
                             void *arg);

/** Write what waits, by a child process if its reader has paused. */
void console_close(struct console *console);

/**
 * @to		STDOUT_FILENO or STDERR_FILENO
 * @text	taken over, empty afterwards
 * @log		a file whose text follows, closed when it has been shown; -1 = none
 */
void console_write(struct console *console, int to, struct str *text, int log);

/** True if no text waits, or its reader has paused: then only console_close() goes on with it. */
bool console_is_done(const struct console *console);

/**
 * The first error of showing text, on *ret_to. A reader that went away (EPIPE) is none.
 * Return: 0; -errno.
 */
int console_error(const struct console *console, int *ret_to);

/** Drop the waiting text and all that comes. */
void console_discard(struct console *console);

#endif
