/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor. A record that cannot be written does not stop the run; the first error is
 * kept.
 */
#include "tools/run/monitor/record.h"

#include <stdlib.h>
#include <unistd.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/json.h"
#include "tools/report/report.h"
#include "tools/run/tasks/shard.h"

struct record {
	struct report *report; /* NULL: nothing is recorded */
	int error;
};

struct record *record_open(const char *dir)
{
	struct record *record = mem_alloc(sizeof(*record));

	record->error = dir ? dir_make(dir, 0777) : 0;
	if (dir && !record->error)
		record->error = report_open(dir, &record->report);
	return record;
}

void record_close(struct record *record)
{
	if (!record)
		return;
	report_close(record->report);
	free(record);
}

bool record_is_open(const struct record *record)
{
	return record->report;
}

int record_error(const struct record *record)
{
	return record->error;
}

static void add(struct record *record, const char *type, json_t *fields)
{
	int ret = 0;

	if (record->report)
		ret = report_record(record->report, type, fields);
	else
		json_decref(fields);
	record->error = record->error ? record->error : ret;
}

void record_run(struct record *record, const struct record_run *run)
{
	const struct run_options *options = run->context->options;
	const struct run_shard *shard = &options->shard;
	json_t *fail = json_array(), *fields;

	if (options->leaks == RUN_GATE_FAIL)
		json_array_append_new(fail, json_string("leaks"));
	if (options->foreign == RUN_GATE_FAIL)
		json_array_append_new(fail, json_string("foreign"));

	fields = json_pack("{s:s, s:i, s:i, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:o}", "id",
	                   run->context->id, "workers", (int)run->context->plan->count, "slots",
	                   (int)run->context->plan->slots, "tasks",
	                   json_texts_redacted(options->tasks), "command",
	                   json_texts_redacted(options->command), "project",
	                   json_text(run->context->project_dir), "backend", run->backend, "tree",
	                   run->tree, "source", run->source, "losses",
	                   json_texts((char *const *)(uintptr_t)run->losses), "fail", fail);
	if (shard->count) {
		cleanup_free char *hash = str_print("%016llx",
		                                    (unsigned long long)options->list_hash);

		json_object_set_new(fields, "shard",
		                    json_pack("{s:i, s:i, s:s, s:o, s:o}", "index",
		                              (int)shard->index, "count", (int)shard->count, "hash",
		                              hash, "build", json_text(shard_build(environ)), "all",
		                              json_texts_redacted(options->all_tasks)));
	}
	add(record, "run", fields);
}

void record_worker_started(struct record *record, const struct worker_spec *worker,
                           const char *log_path)
{
	add(record, "worker_started",
	    json_pack("{s:i, s:o, s:o}", "worker", (int)worker->number, "task",
	              json_text(worker->task), "log", json_text(log_path ? log_path : "")));
}

void record_worker_ended(struct record *record, const struct worker_spec *worker,
                         const struct worker_result *result)
{
	json_t *fields = json_pack("{s:i, s:o, s:s, s:i, s:I}", "worker", (int)worker->number,
	                           "task", json_text(worker->task), "status",
	                           result->status == STATE_PASSED ? "passed" : "failed",
	                           "exit_status", result->exit_status, "duration_ms",
	                           (json_int_t)(result->ended_ms - result->started_ms));

	if (result->error)
		json_object_set_new(fields, "error", json_text(result->error));
	add(record, "worker_ended", fields);
}

/* A zero that no one measured is null: sampling sees part of what happens. */
static json_t *json_measured(uint64_t number, bool exact)
{
	return number || exact ? json_integer((json_int_t)number) : json_null();
}

static json_t *json_counts(const struct berth_counts *counts, bool exact)
{
	static const char *const names[] = {
#define COUNT(name, help) #name,
#include "core/counts.def"
	};
	json_t *object = json_object();

	for (size_t i = 0; i < BERTH_COUNTS; i++)
		json_object_set_new(object, names[i], json_measured(counts->of[i], exact));
	return object;
}

void record_counts(struct record *record, unsigned int worker, const struct watch_summary *summary)
{
	add(record, "counts",
	    json_pack("{s:i, s:o, s:I, s:I, s:b, s:o, s:i, s:i}", "worker", (int)worker, "counts",
	              json_counts(&summary->counts, summary->exact), "alive",
	              (json_int_t)summary->alive, "unaccounted", (json_int_t)summary->unaccounted,
	              "exact", summary->exact, "memory_peak_kib",
	              json_measured(summary->memory_peak_kib, false), "descriptors_peak",
	              (int)summary->descriptors_peak, "processes", (int)summary->processes));
}

void record_port(struct record *record, const struct berth_event *event, uint16_t port, bool opened)
{
	add(record, opened ? "port_opened" : "port_closed",
	    json_pack("{s:i, s:i, s:i, s:s, s:i, s:I, s:o}", "worker", (int)event->worker, "port",
	              port, "real_port", event->local_port, "protocol",
	              event->proto == BERTH_TCP ? "tcp" : "udp", "pid", (int)event->pid, "cookie",
	              (json_int_t)event->cookie, "command", json_text(event->comm)));
}

void record_sample(struct record *record, unsigned int worker, const struct watch_sample *sample)
{
	add(record, "sample",
	    json_pack("{s:i, s:I, s:I, s:I, s:I}", "worker", (int)worker, "sockets",
	              (json_int_t)sample->sockets, "processes", (json_int_t)sample->processes,
	              "memory_kib", (json_int_t)sample->memory_kib, "descriptors",
	              (json_int_t)sample->descriptors));
}

void record_mark(struct record *record, unsigned int worker, int64_t time_ms, const char *test)
{
	add(record, "mark",
	    json_pack("{s:i, s:I, s:o}", "worker", (int)worker, "time_ms", (json_int_t)time_ms,
	              "test", json_text(test)));
}

void record_test(struct record *record, const struct test_result *result)
{
	json_t *fields = json_pack("{s:i, s:o, s:s}", "worker", (int)result->worker, "test",
	                           json_text(result->test), "status", result->status);

	if (*result->error || !strcmp(result->status, "failed"))
		json_object_set_new(fields, "error", json_text(result->error));
	if (result->ms >= 0)
		json_object_set_new(fields, "duration_ms", json_real(result->ms));
	add(record, "test", fields);
}

void record_finding(struct record *record, const struct watch_finding *finding)
{
	add(record, "finding", finding_json(finding));
}

/*
 * Never the physical name and the server. A detail may be a command with an address, but has no
 * password.
 */
void record_database(struct record *record, const struct db_record *event)
{
	json_t *fields = json_pack("{s:i, s:s, s:o, s:o}", "worker", (int)event->worker, "event",
	                           db_record_names[event->kind], "name", json_text(""), "detail",
	                           json_text(event->detail));

	if (event->ms >= 0)
		json_object_set_new(fields, "duration_ms", json_integer(event->ms));
	add(record, "database", fields);
}

void record_fault(void *record, unsigned int worker, const char *fault, int hit, const char *detail)
{
	add(record, "fault",
	    json_pack("{s:i, s:s, s:i, s:s}", "worker", (int)worker, "fault", fault, "hit", hit,
	              "detail", detail));
}

void record_run_ended(struct record *record, const struct record_end *end)
{
	add(record, "run_ended",
	    json_pack("{s:i, s:i, s:i, s:I, s:I}", "exit_status", end->exit_status, "passed",
	              (int)end->passed, "failed", (int)end->failed, "duration_ms",
	              (json_int_t)end->duration_ms, "missed", (json_int_t)end->missed));
}
