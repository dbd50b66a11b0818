/* SPDX-License-Identifier: MIT */
/* The progress line: on a terminal, for several workers, the last line of the screen. Whoever writes clears it first. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/run/run.h"

static bool shown;
static int64_t shown_ms;

enum { EVERY_MS = 500 };

void progress_clear(void)
{
	if (shown)
		(void)file_write_all(STDERR_FILENO, "\r\033[K", 4);
	shown = false;
}

void progress_line(const char *line, size_t len)
{
	progress_clear();
	(void)file_write_all(STDERR_FILENO, line, len);
}

void progress_show(struct run *run)
{
	cleanup_free char *line = NULL;
	int64_t now = clock_ms();

	if (!run->interactive || run->plan->single || (shown && now - shown_ms < EVERY_MS))
		return;
	line = str_print("\r\033[K%u of %u done, %u running%s%.0u%s  %lld s", run->over, run->count,
	                 run->running, run->failed ? ", " : "", run->failed,
	                 run->failed ? " failed" : "", (long long)(now - run->started_ms) / 1000);
	(void)file_write_all(STDERR_FILENO, line, strlen(line));
	shown = true;
	shown_ms = now;
}
