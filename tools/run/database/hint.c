/* SPDX-License-Identifier: MIT */
/*
 * Every client of a database names the port in the line in which it reports a refused connection.
 * So the last part of a failed worker's log shows whether no server answered on the usual port of a
 * kind.
 */
#include "tools/run/database/hint.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/base/str.h"
#include "tools/db/common/answers.h"
#include "tools/db/db.h"
#include "tools/db/common/url.h"

enum { PART_LEN = 64 << 10 };

static bool has_number(const char *line, const char *digits)
{
	size_t len = strlen(digits);

	for (const char *at = line; (at = strstr(at, digits)); at += len)
		if ((at == line || !isdigit((unsigned char)at[-1])) &&
		    !isdigit((unsigned char)at[len]))
			return true;
	return false;
}

/*
 * The usual port of a kind of server that a line of @text was refused at; 0 = none. @text is cut
 * up.
 */
static uint16_t find_refused_port(char *text)
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

/* The end of a log, which is the suite's own summary; "" if there is none. The caller's to free. */
static char *read_end(const char *log_path)
{
	cleanup_close int fd = log_path ? open(log_path, O_RDONLY | O_CLOEXEC) : -1;
	char *text = mem_alloc(PART_LEN + 1);
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;

	if (size > 0 && pread(fd, text, PART_LEN, size > PART_LEN ? size - PART_LEN : 0) < 0)
		*text = 0;
	return text;
}

/* A line of @text about a table that is missing, as PostgreSQL and MariaDB put it; else NULL. */
static const char *find_missing_table(char *text)
{
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
		const char *relation = strstr(line, "relation \""),
			   *table = strstr(line, "Table '");

		if (relation && strstr(relation, "\" does not exist"))
			return relation;
		if (table && strstr(table, "' doesn't exist"))
			return table;
	}
	return NULL;
}

void hint_setup(const struct run_context *context, struct run_worker *const *workers,
                const struct output *output)
{
	const struct run_options *options = context->options;
	bool has_setup = options->setup || options->snapshot;

	for (unsigned int i = 0; i < options->database_count; i++)
		has_setup |= options->database_list[i].setup != NULL;
	for (unsigned int i = 0; i < context->plan->count && !has_setup; i++) {
		const struct worker_spec *spec = worker_spec(workers[i]);
		cleanup_free char *text = read_end(output_log_path(output, spec->number));
		const char *line = worker_result(workers[i])->status == STATE_FAILED
		                           ? find_missing_table(text)
		                           : NULL;

		if (!line)
			continue;
		log_line("%s: the suite missed a table: %.200s", spec->name, line);
		log_hint("--setup COMMAND migrates and seeds the database before the workers "
		         "start");
		return;
	}
}

static void hint_by_logs(const struct run_context *context, struct run_worker *const *workers,
                         const struct output *output)
{
	for (unsigned int i = 0; i < context->plan->count; i++) {
		unsigned int number = worker_spec(workers[i])->number;
		cleanup_free char *text = NULL;
		uint16_t port;

		if (worker_result(workers[i])->status == STATE_FAILED)
			text = read_end(output_log_path(output, number));
		port = text ? find_refused_port(text) : 0;
		if (!port || db_port_answers(port))
			continue;
		log_line("w%u: the suite was refused port %u, and no server answers there", number,
		         port);
		log_hint("with --db %s every worker gets one of its own, server included",
		         db_url_example(port));
		return;
	}
}

static void hint_by_url(const char *text)
{
	struct db_url url;

	if (db_url_parse(text, NULL, &url))
		return;
	if (db_url_local(&url) && *url.host != '/' && !db_port_answers(url.port)) {
		log_line("DATABASE_URL names database '%s', and no server answers on port %u",
		         url.name, url.port);
		log_hint("with --db %s every worker gets one of its own, server included",
		         url.name);
	}
	db_url_free(&url);
}

void hint_database(const struct run_context *context, struct run_worker *const *workers,
                   const struct output *output)
{
	cleanup_free char *url = db_url_default(context->project_dir);

	if (context->options->db_mode == DB_OFF)
		return;
	if (url)
		hint_by_url(url);
	else
		hint_by_logs(context, workers, output);
}
