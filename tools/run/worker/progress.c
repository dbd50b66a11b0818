/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor: one line on stderr that is rewritten in place. There is one terminal, so the
 * state is static.
 */
#include "tools/run/worker/progress.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

static bool interactive, shown;
static int64_t shown_ms;

enum { SHOW_EVERY_MS = 500 };

bool progress_is_terminal(int fd)
{
	return isatty(fd) && !str_equal(getenv("TERM"), "dumb");
}

void progress_open(void)
{
	interactive = progress_is_terminal(STDERR_FILENO);
}

void progress_clear(void)
{
	if (!shown || !file_is_writable(STDERR_FILENO, 0)) /* ^S has stopped the terminal */
		return;
	(void)file_write_all(STDERR_FILENO, "\r\033[K", 4);
	shown = false;
}

void progress_show(const struct progress *progress)
{
	cleanup_free char *line = NULL;
	int64_t now = clock_ms();

	if (!interactive || (shown && now - shown_ms < SHOW_EVERY_MS) ||
	    !file_is_writable(STDERR_FILENO, 0))
		return;
	line = str_print("\r\033[K%u of %u done, %u running%s%.0u%s  %lld s", progress->over,
	                 progress->count, progress->running, progress->failed ? ", " : "",
	                 progress->failed, progress->failed ? " failed" : "",
	                 (long long)(now - progress->started_ms) / 1000);
	(void)file_write_all(STDERR_FILENO, line, strlen(line));
	shown = true;
	shown_ms = now;
}
