/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_LOG_H
#define BERTH_BASE_LOG_H
/*
 * Berth's own lines, on stderr: `berth: text` or `berth: w3: text`, one write(2) each, errno untouched. Only cli/
 * and the run's verdict print; the other rooms return errors. log_act() is for everybody: with -v it echoes each
 * act on the outside world as `[#] ...`.
 */
#include "tools/base/str.h"

extern int log_verbosity; /* 0 normal, 1 -v, 2 -vv */

void log_line(const char *format, ...) PRINTF(1, 2);
void log_worker(unsigned int worker, const char *format, ...) PRINTF(2, 3);
void log_hint(const char *format, ...) PRINTF(1, 2); /* `hint: ...`, when the reader can act */
void log_act(const char *format, ...) PRINTF(1, 2);

/* Where lines go instead of stderr, so that a progress line can be cleared first. */
void log_redirect(void (*sink)(const char *line, size_t len));

#endif
