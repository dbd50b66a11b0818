/* SPDX-License-Identifier: MIT */
/* Each line is one write(2), so that lines of several processes do not mix. errno is kept. */
#include "tools/base/log.h"

#include <errno.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"

int log_verbosity;
static void (*redirect)(const char *line, size_t len);

void log_redirect(void (*sink)(const char *line, size_t len))
{
	redirect = sink;
}

static void emit(const char *prefix, const char *format, va_list list)
{
	int saved = errno;
	cleanup_free char *text = str_vprint(format, list);
	cleanup_str struct str line = { 0 };

	str_plain(text, "\n\t"); /* it may contain names that other programs chose */
	str_add(&line, prefix);
	str_add(&line, text);
	str_add(&line, "\n");
	if (redirect)
		redirect(line.text, line.len);
	else
		(void)file_write_all(STDERR_FILENO, line.text, line.len);
	errno = saved;
}

#define EMIT(prefix) \
	do { \
		va_list list; \
		va_start(list, format); \
		emit(prefix, format, list); \
		va_end(list); \
	} while (0)

void log_line(const char *format, ...)
{
	EMIT("berth: ");
}

void log_worker(unsigned int worker, const char *format, ...)
{
	cleanup_free char *prefix = str_print("berth: w%u: ", worker);

	EMIT(prefix);
}

void log_hint(const char *format, ...)
{
	EMIT("hint: ");
}

void log_text(const char *format, ...)
{
	EMIT("");
}

void log_act(const char *format, ...)
{
	if (log_verbosity > 0)
		EMIT("[#] ");
}
