/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_CONSOLE_H
#define BERTH_RUN_WORKER_CONSOLE_H
/*
 * Our own stdout and stderr, for what workers write. Nothing here blocks: text that a slow reader
 * does not take at once waits in a queue, in order.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/base/loop.h"
#include "tools/base/str.h"

struct console;

/** @on_blocked: called when text begins to wait, and when none waits any more. */
struct console *console_open(struct loop *loop, void (*on_blocked)(void *arg, bool blocked),
                             void *arg);
void console_close(struct console *console);

/**
 * @to		STDOUT_FILENO or STDERR_FILENO
 * @text	taken over, empty afterwards
 * @log		a file whose text follows, closed when it has been shown; -1 = none
 */
void console_write(struct console *console, int to, struct str *text, int log);

/** True while text waits. */
bool console_is_busy(const struct console *console);

/**
 * The first error of showing text, on *ret_to. A reader that went away (EPIPE) is none.
 * Return: 0; -errno.
 */
int console_error(const struct console *console, int *ret_to);

/** From now on drop the waiting text if its reader takes none of it for @ms. */
void console_set_patience(struct console *console, int64_t ms);

/** Drop the waiting text and all that comes. */
void console_discard(struct console *console);

#endif
