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
#include "tools/base/log.h"

static bool interactive, shown;
static int64_t shown_ms;

enum { SHOW_EVERY_MS = 500 };

bool progress_is_terminal(int fd)
{
	return isatty(fd) && !str_equal(getenv("TERM"), "dumb");
}

static void write_line(const char *line, size_t len)
{
	progress_clear();
	(void)file_write_all(STDERR_FILENO, line, len);
}

void progress_open(void)
{
	interactive = progress_is_terminal(STDERR_FILENO);
	if (interactive)
		log_redirect(write_line);
}

void progress_clear(void)
{
	if (shown)
		(void)file_write_all(STDERR_FILENO, "\r\033[K", 4);
	shown = false;
}

void progress_show(const struct progress *progress)
{
	cleanup_free char *line = NULL;
	int64_t now = clock_ms();

	if (!interactive || (shown && now - shown_ms < SHOW_EVERY_MS))
		return;
	line = str_print("\r\033[K%u of %u done, %u running%s%.0u%s  %lld s", progress->over,
	                 progress->count, progress->running, progress->failed ? ", " : "",
	                 progress->failed, progress->failed ? " failed" : "",
	                 (long long)(now - progress->started_ms) / 1000);
	(void)file_write_all(STDERR_FILENO, line, strlen(line));
	shown = true;
	shown_ms = now;
}
