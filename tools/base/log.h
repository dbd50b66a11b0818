/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_LOG_H
#define BERTH_BASE_LOG_H
/*
 * Berth's own lines on the standard error: `berth: text` or `berth: w3: text`. Only tools/cli and
 * tools/run print; other modules return errors. With -v, log_act() shows each change to the machine
 * as `[#] ...`, and any module may call it.
 */
#include "tools/base/str.h"

extern int log_verbosity; /* 0 normal, 1 -v, 2 -vv */

void log_line(const char *format, ...) PRINTF(1, 2);
void log_worker(unsigned int worker, const char *format, ...) PRINTF(2, 3);
void log_hint(const char *format, ...) PRINTF(1, 2); /* `hint: ...` */
void log_text(const char *format, ...) PRINTF(1, 2); /* a line without a prefix */
void log_act(const char *format, ...) PRINTF(1, 2);

/* Send lines to @sink; NULL = to stderr. */
void log_redirect(void (*sink)(const char *line, size_t len));

#endif
