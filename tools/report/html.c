/* SPDX-License-Identifier: MIT */
/*
 * One HTML file without font or network. Its script only filters; without it all is there. The
 * pictures are inline SVG in CSS colours, so they follow the reader's light or dark setting.
 * Colour is never the only sign: status and severity are written as well.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/report/html_style.h"
#include "tools/report/private.h"
#include "tools/report/svg.h"

enum {
	OPEN_FINDINGS = 3,
	OPEN_LOGS = 3,
	LOGS_MAX = 100,
	FAILED_MAX = 500,
	LOG_LINES = 40,
	SLOW_MAX = 10
};

static void add_tile(struct str *text, const char *class, unsigned long number, const char *label)
{
	str_addf(text, "<div class=\"tile\"><b class=\"%s\">%lu</b>%s</div>",
	         number ? class : "dim", number, label);
}

static void add_row(struct str *text, const char *name, const char *value)
{
	if (!*value)
		return;
	str_addf(text, "<dt>%s</dt><dd>", name);
	text_add_escaped(text, value);
	str_add(text, "</dd>");
}

static void add_list(struct str *text, const char *name, const json_t *list, const char *separator)
{
	const json_t *item;
	size_t i;

	if (!json_array_size(list))
		return;
	str_addf(text, "<dt>%s</dt><dd class=\"%s\">", name, name);
	json_array_foreach(list, i, item)
	{
		str_add(text, i ? separator : "");
		text_add_escaped(text, record_string(item));
	}
	str_add(text, "</dd>");
}

/* A link to @path: relative to the report, if it lies beside it or below, else absolute. */
static void add_link(struct str *text, const struct report_options *options, const char *path,
                     const char *label)
{
	size_t len = options->report_dir ? strlen(options->report_dir) : 0;

	if (len && !strncmp(path, options->report_dir, len) && path[len] == '/')
		path += len + 1;
	str_add(text, "<a href=\"");
	for (const char *at = path; *at; at++) { /* RFC 3986, 3.3 */
		if (strchr("-._~/", *at) || isalnum((unsigned char)*at))
			str_add_len(text, at, 1);
		else
			str_addf(text, "%%%02X", (unsigned char)*at);
	}
	str_add(text, "\">");
	text_add_escaped(text, label);
	str_add(text, "</a>");
}

/* Where and on what the run was made: what its record has. */
static void add_facts(struct str *text, const json_t *run)
{
	static const char *const names[] = { "project", "branch",  "commit", "host",  "user",
		                             "kernel",  "backend", "tree",   "source" };
	cleanup_free char *command = record_join(json_object_get(run, "command"), " ");

	str_add(text, "<dl>");
	add_row(text, "command", command);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		add_row(text, names[i], record_text(run, names[i]));
	str_add(text, "</dl>\n");
}

static void add_verdict(struct str *text, const struct report_run *run)
{
	unsigned int failed = run_count_workers(run, "failed"),
		     passed = run_count_workers(run, "passed");
	size_t tests = 0;

	for (size_t i = 0; i < run->failed_count; i++)
		tests += !run_is_repeated_test(run, i);
	if (failed)
		str_addf(text, "<div class=\"verdict bad\">%u of %zu workers failed", failed,
		         run->worker_count);
	else
		str_addf(text, "<div class=\"verdict %s\">%u of %zu workers passed",
		         passed == run->worker_count ? "good" : "warn", passed, run->worker_count);
	if (tests)
		str_addf(text, ", %zu test%s failed", tests, tests == 1 ? "" : "s");
	if (!failed && record_number(run->ended, "exit_status"))
		str_addf(text, ", but the run ended with status %lld",
		         (long long)record_number(run->ended, "exit_status"));
	str_add(text, "</div>\n");
}

static void add_head(struct str *text, const struct report_run *run)
{
	const char *id = record_text(run->run, "id");
	time_t seconds = (time_t)(run->from_ms / 1000);
	struct tm parts;
	char date[40];

	localtime_r(&seconds, &parts);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &parts);
	str_add(text, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	              "<meta name=\"viewport\" "
	              "content=\"width=device-width,initial-scale=1\"><title>Berth run ");
	text_add_escaped(text, id);
	str_addf(text, "</title><style>%s</style></head><body>\n<h1>Berth run ", style);
	text_add_escaped(text, id);
	str_addf(text, "</h1><div class=\"dim\">%s, ", date);
	text_add_seconds(text, run->until_ms - run->from_ms);
	str_add(text, " s</div>\n");
	add_verdict(text, run);
	add_facts(text, run->run);
	str_add(text, "<div class=\"tiles\">");
	add_tile(text, "good", run_count_workers(run, "passed"), "passed");
	add_tile(text, "bad", run_count_workers(run, "failed"), "failed");
	add_tile(text, "bad", run_count_findings(run, "error"), "errors");
	add_tile(text, "warn", run_count_findings(run, "warning"), "warnings");
	add_tile(text, "note", run_count_findings(run, "note"), "notes");
	add_tile(text, "", run->port_count, "ports opened");
	str_add(text, "</div>\n<input id=\"filter\" type=\"search\" "
	              "placeholder=\"show only tests, findings and workers with these words\">\n");
}

/* The failed tests, each once with its workers. */
static void add_failed_tests(struct str *text, const struct report_run *run)
{
	size_t shown = 0, left = 0;

	if (!run->failed_count)
		return;
	str_add(text, "<h2>Failed tests</h2><div class=\"box\"><ol>\n");
	for (size_t i = 0; i < run->failed_count; i++) {
		const json_t *failed = run->failed[i];
		cleanup_free char *workers = NULL;

		if (shown == FAILED_MAX || run_is_repeated_test(run, i)) {
			left += shown == FAILED_MAX;
			continue;
		}
		shown++;
		workers = run_workers_of_test(run, i);
		str_add(text, "<li class=\"f\"><code>");
		text_add_escaped(text, record_text(failed, "test"));
		str_add(text, "</code> <span class=\"dim\">");
		text_add_escaped(text, workers);
		str_add(text, "</span>");
		if (*record_text(failed, "error")) {
			str_add(text, "<pre class=\"bad\">");
			text_add_escaped(text, record_text(failed, "error"));
			str_add(text, "</pre>");
		}
		str_add(text, "</li>\n");
	}
	str_add(text, "</ol>");
	if (left)
		str_addf(text, "<div class=\"dim\">%zu more records of failed tests</div>", left);
	str_add(text, "</div>\n");
}

/* Return: where the worker's log is now: results may have been moved. NULL = it has none. */
static char *find_log(const struct report_options *options, const struct report_worker *worker)
{
	cleanup_free char *here = str_print("%s/w%u.log", options->run_dir ? options->run_dir : "",
	                                    worker->number);

	if (!*worker->log)
		return NULL;
	return access(here, R_OK) ? str_copy(worker->log) : steal(&here);
}

/* The end of a failed worker's output, and the files that came home. */
static void add_log(struct str *text, const struct report_run *run,
                    const struct report_options *options, const struct report_worker *worker,
                    bool open)
{
	cleanup_free char *title = run_worker_title(run, worker->number);
	cleanup_free char *dir = str_print("%s/w%u/files", options->run_dir ? options->run_dir : "",
	                                   worker->number);
	cleanup_free char *log = find_log(options, worker);
	cleanup_strv char **lines = log ? file_read_tail(log, LOG_LINES) : NULL;
	cleanup_strv char **files = options->run_dir ? dir_list(dir) : NULL;

	str_addf(text, "<details class=\"f\"%s><summary><b class=\"bad\">", open ? " open" : "");
	text_add_escaped(text, title);
	if (worker->exit_status)
		str_addf(text, "</b> exit status %d ", worker->exit_status);
	else
		str_addf(text, "</b> %s ", worker->status);
	text_add_escaped(text, worker->error);
	str_add(text, "</summary><dl>");
	if (log) {
		str_add(text, "<dt>log</dt><dd>");
		add_link(text, options, log, log);
		str_add(text, "</dd>");
	}
	if (files && *files)
		str_add(text, "<dt>files</dt><dd>");
	for (char **file = files; file && *file; file++) {
		cleanup_free char *path = str_print("%s/%s", dir, *file);

		add_link(text, options, path, *file);
		str_add(text, " ");
	}
	str_add(text, "</dl>");
	if (lines)
		str_add(text, "<pre>");
	for (char **line = lines; line && *line; line++) {
		cleanup_free char *plain = text_without_colours(*line);

		text_add_escaped(text, plain);
		str_add(text, "\n");
	}
	str_addf(text, "%s</details>\n", lines ? "</pre>" : "");
}

static void add_logs(struct str *text, const struct report_run *run,
                     const struct report_options *options)
{
	size_t shown = 0;

	for (size_t i = 0; i < run->worker_count && shown < LOGS_MAX; i++) {
		/* without failed tests the end of the output is what tells most */
		bool open = !run->failed_count && shown < OPEN_LOGS;

		if (!strcmp(run->workers[i].status, "passed"))
			continue;
		if (!shown++)
			str_add(text, "<h2>Workers that did not pass</h2>\n");
		add_log(text, run, options, &run->workers[i], open);
	}
	if (shown == LOGS_MAX)
		str_add(text, "<div class=\"dim\">The table of workers has all.</div>\n");
}

static void add_finding(struct str *text, const struct report_run *run, size_t first, bool open)
{
	const json_t *finding = run->findings[first];
	cleanup_free char *workers = report_workers_of(run, first), *test = report_test_of(finding);
	cleanup_free char *count = str_print("%lld times",
	                                     (long long)record_number(finding, "count"));
	const char *severity = record_text(finding, "severity");

	str_addf(text, "<details class=\"f\"%s><summary><b class=\"%s\">%s</b> ",
	         open ? " open" : "", svg_severity_class(severity), severity);
	text_add_escaped(text, record_text(finding, "title"));
	str_add(text, ", ");
	text_add_escaped(text, workers);
	str_addf(text, "%s<br>",
	         json_is_true(json_object_get(finding, "known"))
	                 ? " <span class=\"dim\">(known)</span>"
	                 : "");
	text_add_escaped(text, record_text(finding, "detail"));
	str_add(text, "</summary><dl>");
	add_row(text, "remedy", record_text(finding, "remedy"));
	add_row(text, "test", test);
	add_row(text, "command", record_text(finding, "command"));
	add_row(text, "directory", record_text(finding, "directory"));
	add_list(text, "started by", json_object_get(finding, "ancestry"), " &lt; ");
	if (record_number(finding, "count") > 1)
		add_row(text, "seen", count);
	add_list(text, "stack", json_object_get(finding, "stack"), "<br>");
	add_row(text, "fingerprint", record_text(finding, "fingerprint"));
	str_add(text, "</dl></details>\n");
}

static void add_findings(struct str *text, const struct report_run *run)
{
	unsigned int shown = 0;

	str_add(text, "<h2>Findings</h2>\n");
	if (!run->finding_count)
		str_add(text, "<div class=\"box good\">Nothing was left behind, and nothing "
		              "collided.</div>\n");
	for (size_t i = 0; i < run->finding_count; i++)
		if (!report_is_repeated(run, i)) {
			const char *severity = record_text(run->findings[i], "severity");

			add_finding(text, run, i,
			            strcmp(severity, "note") && shown++ < OPEN_FINDINGS);
		}
}

static const struct {
	const char *name, *title;
} columns[] = {
	{ "opened", "sockets opened" },
	{ "closed", "closed" },
	{ "accepted", "accepted" },
	{ "connected", "connected" },
	{ "connect_failed", "connect failed" },
	{ "bind_failed", "bind failed" },
	{ "epipe", "EPIPE" },
	{ "econnreset", "RESET" },
	{ "econnrefused", "REFUSED" },
};

/* The number @name of @record, divided by @unit; "-" if it was not measured. */
static void add_number(struct str *text, const json_t *record, const char *name, int64_t unit)
{
	int64_t number = record_number(record, name) / unit;

	if (!json_is_number(json_object_get(record, name)))
		str_add(text, "<td class=\"n dim\">-");
	else /* a zero is dimmed, so that the other numbers stand out */
		str_addf(text, "<td class=\"n%s\">%lld", number ? "" : " dim", (long long)number);
}

static void add_workers(struct str *text, const struct report_run *run,
                        const struct report_options *options)
{
	str_add(text,
	        "<h2>Workers</h2><div class=\"box "
	        "scroll\"><table><tr><th>worker<th>task<th>result<th>log<th class=\"n\">seconds");
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		str_addf(text, "<th class=\"n\">%s", columns[i].title);
	str_add(text, "<th class=\"n\">peak MiB</tr>\n");
	for (size_t i = 0; i < run->worker_count; i++) {
		const struct report_worker *worker = &run->workers[i];
		const json_t *counts = worker->counts ? json_object_get(worker->counts, "counts")
		                                      : NULL;
		cleanup_free char *name = report_worker_name(worker),
				  *log = find_log(options, worker);

		str_addf(text, "<tr class=\"f\"><td>%s<td class=\"task\">", name);
		text_add_escaped(text, worker->task);
		str_addf(text, "<td class=\"%s\">%s",
		         !strcmp(worker->status, "passed") ? "good" : "bad", worker->status);
		if (worker->exit_status)
			str_addf(text, " (%d)", worker->exit_status);
		if (*worker->error) {
			str_add(text, ": ");
			text_add_escaped(text, worker->error);
		}
		str_add(text, "<td>");
		if (log)
			add_link(text, options, log, "log");
		str_add(text, "<td class=\"n\">");
		text_add_seconds(text, worker_duration_ms(worker));
		for (size_t k = 0; k < ARRAY_LEN(columns); k++)
			add_number(text, counts, columns[k].name, 1);
		add_number(text, worker->counts, "memory_peak_kib", 1024);
		str_add(text, "</tr>\n");
	}
	str_add(text, "</table></div>\n");
}

static int by_time_taken(const void *a, const void *b)
{
	int64_t left = record_number(*(const json_t *const *)a, "duration_ms"),
		right = record_number(*(const json_t *const *)b, "duration_ms");

	return (right > left) - (right < left);
}

/* How the template came, and the slowest statements. */
static void add_databases(struct str *text, const struct report_run *run)
{
	cleanup_free const json_t **slow = mem_alloc((json_array_size(run->records) + 1) *
	                                             sizeof(json_t *));
	cleanup_str struct str rows = { 0 };
	size_t i, count = 0;
	json_t *record;

	json_array_foreach(run->records, i, record)
	{
		const char *event = record_text(record, "event");

		if (!strcmp(event, "database_slow_query"))
			slow[count++] = record;
		if (strcmp(event, "database_template"))
			continue;
		str_add(&rows, "<tr><td>template<td>");
		text_add_escaped(&rows, record_text(record, "detail"));
		add_number(&rows, record, "duration_ms", 1);
	}
	qsort(slow, count, sizeof(*slow), by_time_taken);
	for (i = 0; i < count && i < SLOW_MAX; i++) {
		str_addf(&rows, "<tr><td>w%lld<td class=\"task\"><code>",
		         (long long)record_number(slow[i], "worker"));
		text_add_escaped(&rows, record_text(slow[i], "detail"));
		str_add(&rows, "</code>");
		add_number(&rows, slow[i], "duration_ms", 1);
	}
	if (rows.len)
		str_addf(
			text,
			"<h2>Databases</h2><div class=\"box scroll\"><table><tr><th>"
			"<th>template or slow statement<th class=\"n\">ms</tr>\n%s</table></div>\n",
			rows.text);
}

static void add_trust(struct str *text, const struct report_run *run)
{
	const json_t *losses = run->run ? json_object_get(run->run, "losses") : NULL, *loss;
	int64_t unaccounted = 0, lost = 0, unmarked = 0,
		missed = record_number(run->ended, "missed");
	size_t i;

	for (i = 0; i < run->worker_count; i++) {
		unaccounted += record_number(run->workers[i].counts, "unaccounted");
		lost += record_number(json_object_get(run->workers[i].counts, "counts"),
		                      "lost_events");
		unmarked += record_number(json_object_get(run->workers[i].counts, "counts"),
		                          "lost_sockets");
	}
	str_add(text, "<h2>How far to trust this</h2><div class=\"box\">Source: ");
	text_add_escaped(text, run->run ? record_text(run->run, "source") : "unknown");
	str_addf(text,
	         ". Sockets created and neither closed nor alive: %lld; not followed to their end: "
	         "%lld. Events lost: %lld. "
	         "Calls of the monitor missed: %lld. Lines of the record that could not be read: "
	         "%zu.",
	         (long long)unaccounted, (long long)unmarked, (long long)lost, (long long)missed,
	         run->malformed);
	json_array_foreach(losses, i, loss)
	{
		str_add(text, "<br>Not seen here: ");
		text_add_escaped(text, record_string(loss));
	}
	str_add(text, "</div>\n");
}

int report_html(const struct report_run *run, const struct report_options *options,
                struct str *text)
{
	add_head(text, run);
	add_failed_tests(text, run);
	add_logs(text, run, options);
	add_findings(text, run);
	str_add(text, "<h2>Timeline</h2><div class=\"box scroll\">");
	if (run_shards(run))
		svg_machines(text, run);
	else
		svg_timeline(text, run);
	str_add(text, "</div>\n");
	add_workers(text, run, options);
	add_databases(text, run);
	str_add(text, "<h2>Over time</h2><div class=\"pair\">");
	if (!run_shards(run)) { /* curves of hundreds of workers show nothing */
		svg_plot(text, run, "sockets", "open sockets", 1);
		svg_plot(text, run, "memory_kib", "memory, MiB", 1024);
		svg_plot(text, run, "descriptors", "open descriptors", 1);
	}
	svg_durations(text, run);
	str_add(text, "</div>\n");
	add_trust(text, run);
	str_addf(text, "%s</body></html>\n", script);
	return 0;
}
