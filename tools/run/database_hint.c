/* SPDX-License-Identifier: MIT */
/*
 * The suite names its database server itself, and the user has not heard of --db yet: from what a failed worker has printed it
 * is seen that nobody answered on the usual port of such a server. Every client says so with the port in the same line.
 *
 * Law: a guess from the suite's words; it chooses a hint, never a status.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/db/db.h"
#include "tools/db/common/url.h"
#include "tools/run/database.h"

enum { PART = 64 << 10 };

static bool has_number(const char *line, const char *digits)
{
	size_t len = strlen(digits);

	for (const char *at = line; (at = strstr(at, digits)); at += len)
		if ((at == line || !isdigit((unsigned char)at[-1])) &&
		    !isdigit((unsigned char)at[len]))
			return true;
	return false;
}

/* The port of a kind of server that a line of @text was refused at; 0: none. @text is cut up. */
static uint16_t refused_in(char *text)
{
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		uint16_t port;

		if (!strcasestr(line, "refused"))
			continue;
		for (unsigned int kind = 0; (port = db_url_usual_port((enum db_kind)kind));
		     kind++) {
			char digits[8];

			snprintf(digits, sizeof(digits), "%u", port);
			if (has_number(line, digits))
				return port;
		}
	}
	return 0;
}

/* Looked for in the last part of the log, which is the suite's own summary. */
static uint16_t refused_by(const struct run_worker *worker)
{
	cleanup_close int fd = worker->log_path ? open(worker->log_path, O_RDONLY | O_CLOEXEC) : -1;
	cleanup_free char *text = mem_alloc(PART + 1);
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	ssize_t got = fd >= 0 ? pread(fd, text, PART, size > PART ? size - PART : 0) : 0;

	return got > 0 ? refused_in(text) : 0;
}

void database_hint_refused(const struct run *run)
{
	for (unsigned int i = 0; i < run->count; i++) {
		const struct run_worker *worker = &run->workers[i];
		uint16_t port = worker->status == STATE_FAILED ? refused_by(worker) : 0;

		if (!port || db_port_answers(port))
			continue;
		log_line("w%u: the suite was refused port %u, and no server answers there",
		         worker->number, port);
		log_hint("with --db %s every worker gets one of its own, server included",
		         db_url_example(port));
		return;
	}
}
