/* SPDX-License-Identifier: MIT */
/*
 * Reading events.ndjson back. A line that is no record is counted and skipped: the run may have
 * been killed while it wrote, and the records before that are worth a report. Records of unknown
 * types stay in .records for the JSON report.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"

static struct report_worker *worker_at(struct report_run *run, int64_t number)
{
	for (size_t i = 0; i < run->worker_count; i++)
		if (run->workers[i].number == number)
			return &run->workers[i];
	run->workers = mem_grow(run->workers, run->worker_count + 1, sizeof(*run->workers));
	run->workers[run->worker_count] = (struct report_worker){ .number = (unsigned int)number,
		                                                  .task = "",
		                                                  .status = "waiting",
		                                                  .log = "",
		                                                  .error = "" };
	return &run->workers[run->worker_count++];
}

static void on_run(struct report_run *run, json_t *record)
{
	run->run = record;
}

static void load_shard(struct report_worker *worker, const json_t *record)
{
	worker->shard = (unsigned int)record_number(record, "shard");
	worker->shard_worker = (unsigned int)record_number(record, "shard_worker");
}

static void on_started(struct report_run *run, json_t *record)
{
	struct report_worker *worker = worker_at(run, record_number(record, "worker"));

	worker->task = record_text(record, "task");
	worker->log = record_text(record, "log");
	load_shard(worker, record);
	worker->status = "running";
	worker->from_ms = record_number(record, "time_ms");
}

static void on_ended(struct report_run *run, json_t *record)
{
	struct report_worker *worker = worker_at(run, record_number(record, "worker"));

	worker->task = *worker->task ? worker->task : record_text(record, "task");
	load_shard(worker, record);
	worker->error = record_text(record, "error");
	worker->status = !strcmp(record_text(record, "status"), "passed") ? "passed" : "failed";
	worker->exit_status = (int)record_number(record, "exit_status");
	worker->until_ms = record_number(record, "time_ms");
	if (!worker->from_ms)
		worker->from_ms = worker->until_ms - record_number(record, "duration_ms");
}

static void add_span(struct report_span **spans, size_t *count, const json_t *record,
                     const char *name)
{
	*spans = mem_grow(*spans, *count + 1, sizeof(**spans));
	(*spans)[(*count)++] = (struct report_span){
		.worker = (unsigned int)record_number(record, "worker"),
		.name = name,
		.port = (int)record_number(record, "port"),
		.real_port = (int)record_number(record, "real_port"),
		.pid = (int)record_number(record, "pid"),
		.from_ms = record_number(record, "time_ms"),
	};
}

static void on_port_opened(struct report_run *run, json_t *record)
{
	add_span(&run->ports, &run->port_count, record, record_text(record, "command"));
}

static void on_port_closed(struct report_run *run, json_t *record)
{
	unsigned int worker = (unsigned int)record_number(record, "worker");
	int port = (int)record_number(record, "port"),
	    real = (int)record_number(record, "real_port");

	for (size_t i = run->port_count; i-- > 0;) {
		struct report_span *span = &run->ports[i];

		if (span->worker != worker || span->until_ms ||
		    (span->port != port && (!real || span->real_port != real)))
			continue;
		span->until_ms = record_number(record, "time_ms");
		/* under a kernel backend the virtual port may be known later than the listener */
		span->port = port;
		return;
	}
}

static void on_mark(struct report_run *run, json_t *record)
{
	unsigned int worker = (unsigned int)record_number(record, "worker");
	const char *test = record_text(record, "test");

	for (size_t i = run->test_count; i-- > 0;)
		if (run->tests[i].worker == worker && !run->tests[i].until_ms) {
			run->tests[i].until_ms = record_number(record, "time_ms");
			break;
		}
	if (*test)
		add_span(&run->tests, &run->test_count, record, test);
}

static void add_json(json_t ***list, size_t *count, json_t *record)
{
	*list = mem_grow(*list, *count + 1, sizeof(json_t *));
	(*list)[(*count)++] = record;
}

/* Formats print severities as they are, so only the three that exist may pass. */
static void on_finding(struct report_run *run, json_t *record)
{
	const char *severity = record_text(record, "severity");

	if (strcmp(severity, "error") && strcmp(severity, "warning") && strcmp(severity, "note"))
		json_object_set_new(record, "severity", json_string("note"));
	add_json(&run->findings, &run->finding_count, record);
}

static void on_test(struct report_run *run, json_t *record)
{
	size_t at = run->failed_count;

	add_json(&run->results, &run->result_count, record);
	if (strcmp(record_text(record, "status"), "failed"))
		return;
	add_json(&run->failed, &run->failed_count, record);
	/* by worker, so that the order does not depend on who was faster */
	for (; at && record_number(run->failed[at - 1], "worker") > record_number(record, "worker");
	     at--)
		run->failed[at] = run->failed[at - 1];
	run->failed[at] = record;
}

static void on_sample(struct report_run *run, json_t *record)
{
	add_json(&run->samples, &run->sample_count, record);
}

static void on_fault(struct report_run *run, json_t *record)
{
	add_json(&run->faults, &run->fault_count, record);
}

static void on_counts(struct report_run *run, json_t *record)
{
	worker_at(run, record_number(record, "worker"))->counts = record;
}

static void on_run_ended(struct report_run *run, json_t *record)
{
	run->ended = record;
}

static const struct record_loader {
	const char *type;
	void (*load)(struct report_run *run, json_t *record);
} loaders[] = {
	{ "run", on_run },
	{ "worker_started", on_started },
	{ "worker_ended", on_ended },
	{ "port_opened", on_port_opened },
	{ "port_closed", on_port_closed },
	{ "mark", on_mark },
	{ "finding", on_finding },
	{ "test", on_test },
	{ "sample", on_sample },
	{ "counts", on_counts },
	{ "fault", on_fault },
	{ "run_ended", on_run_ended },
};

static void load_record(struct report_run *run, json_t *record)
{
	const char *type = record_text(record, "type");
	int64_t time_ms = record_number(record, "time_ms");

	json_array_append(run->records, record);
	if (time_ms && (!run->from_ms || time_ms < run->from_ms))
		run->from_ms = time_ms;
	if (time_ms > run->until_ms)
		run->until_ms = time_ms;
	for (size_t i = 0; i < ARRAY_LEN(loaders); i++)
		if (!strcmp(loaders[i].type, type))
			loaders[i].load(run, record);
}

static int severity_rank(const json_t *finding)
{
	static const char *const order[] = { "error", "warning", "note" };
	const char *severity = record_text(finding, "severity");
	bool known = json_is_true(json_object_get(finding, "known"));

	for (int i = 0; i < 3; i++)
		if (!strcmp(order[i], severity))
			return i + (known ? 3 : 0); /* findings of the baseline come last */
	return 6;
}

static int by_severity(const void *a, const void *b)
{
	const json_t *left = *(json_t *const *)a, *right = *(json_t *const *)b;
	int order = severity_rank(left) - severity_rank(right);

	if (!order)
		order = strcmp(record_text(left, "kind"), record_text(right, "kind"));
	return order ? order
	             : (int)(record_number(left, "worker") - record_number(right, "worker"));
}

static int by_number(const void *a, const void *b)
{
	const struct report_worker *left = a, *right = b;

	return (int)left->number - (int)right->number;
}

static struct report_run *run_new(void)
{
	struct report_run *run = mem_alloc(sizeof(*run));

	run->records = json_array();
	return run;
}

static void load_line(struct report_run *run, const char *line, size_t len)
{
	json_t *record = len ? json_loadb(line, len, 0, NULL) : NULL;

	if (json_is_object(record) && record_number(record, "v") == REPORT_VERSION)
		load_record(run, record);
	else if (len)
		run->malformed++;
	json_decref(record); /* the array holds it */
}

/* Sort, when every line is loaded. */
static int finish(struct report_run *run, struct report_run **ret_run)
{
	if (run->finding_count)
		qsort(run->findings, run->finding_count, sizeof(*run->findings), by_severity);
	if (run->worker_count)
		qsort(run->workers, run->worker_count, sizeof(*run->workers), by_number);
	if (json_array_size(run->records)) {
		*ret_run = run;
		return 0;
	}
	report_run_free(run);
	return -ENODATA;
}

int report_parse(const char *text, size_t len, struct report_run **ret_run)
{
	struct report_run *run = run_new();
	const char *end = text + len;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((stop ? stop : end) - text);

		load_line(run, text, line);
		text += line + 1;
	}
	return finish(run, ret_run);
}

/* Line by line: file_read() has a limit, and the record of a long run exceeds it. */
int report_load(const char *dir, struct report_run **ret_run)
{
	cleanup_free char *path = str_print("%s/events.ndjson", dir), *line = NULL;
	struct stat info;
	cleanup_file FILE *file = fopen(!stat(dir, &info) && S_ISREG(info.st_mode) ? dir : path,
	                                "re");
	struct report_run *run;
	size_t size = 0;
	ssize_t len;

	if (!file)
		return -errno;
	run = run_new();
	while ((len = getline(&line, &size, file)) > 0)
		load_line(run, line, (size_t)len - (line[len - 1] == '\n'));
	if (!ferror(file))
		return finish(run, ret_run);
	report_run_free(run);
	return -EIO;
}

void report_run_free(struct report_run *run)
{
	if (!run)
		return;
	json_decref(run->records);
	free(run->workers);
	free(run->findings);
	free(run->faults);
	free(run->results);
	free(run->failed);
	free(run->ports);
	free(run->tests);
	free(run->samples);
	free(run);
}
