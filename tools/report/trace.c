/* SPDX-License-Identifier: MIT */
/*
 * Chrome trace JSON, for Perfetto and chrome://tracing. The run, or each shard of a merged one, is
 * a process, and each worker is a thread in it. Tests and listening ports are slices, findings are
 * instants, samples are counters. Times are microseconds since the run began.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/report/private.h"

enum { PROCESS = 1, PORT_LANES = 1000000 };

static int64_t at(const struct report_run *run, int64_t ms)
{
	return (ms - run->from_ms) * 1000;
}

static void add(json_t *events, json_t *event)
{
	json_array_append_new(events, event);
}

/* The process of @worker: its shard, in a merged record. */
static int process_of(const struct report_run *run, int64_t worker)
{
	const struct report_worker *found = run_find_worker(run, worker);

	return found && found->shard ? (int)found->shard : PROCESS;
}

static void add_name(json_t *events, const char *what, int process, int thread, const char *name)
{
	add(events, json_pack("{s:s, s:s, s:i, s:i, s:{s:s}}", "ph", "M", "name", what, "pid",
	                      process, "tid", thread, "args", "name", name));
}

static void add_slice(json_t *events, const struct report_run *run, const char *kind, int thread,
                      const char *name, int64_t from_ms, int64_t until_ms)
{
	int process = process_of(run, thread % PORT_LANES);

	add(events,
	    json_pack("{s:s, s:s, s:s, s:i, s:i, s:I, s:I}", "ph", "X", "cat", kind, "name", name,
	              "pid", process, "tid", thread, "ts", (json_int_t)at(run, from_ms), "dur",
	              (json_int_t)((until_ms - from_ms) * 1000)));
}

static void add_workers(json_t *events, const struct report_run *run)
{
	for (size_t i = 0; i < run->worker_count; i++) {
		const struct report_worker *worker = &run->workers[i];
		int process = process_of(run, worker->number);
		cleanup_free char *title = run_worker_title(run, worker->number),
				  *ports = str_print("%s ports", title);
		cleanup_free char *slice = str_print(
			"%s: %s", *worker->task ? worker->task : "worker", worker->status);

		add_name(events, "thread_name", process, (int)worker->number, title);
		add_name(events, "thread_name", process, PORT_LANES + (int)worker->number, ports);
		if (worker->from_ms)
			add_slice(events, run, "worker", (int)worker->number, slice,
			          worker->from_ms, run_span_end(run, worker->number, 0));
	}
}

static void add_span(json_t *events, const struct report_run *run, const char *kind, int lanes,
                     const char *name, const struct report_span *span)
{
	add_slice(events, run, kind, lanes + (int)span->worker, name, span->from_ms,
	          run_span_end(run, span->worker, span->until_ms));
}

static void add_spans(json_t *events, const struct report_run *run)
{
	for (size_t i = 0; i < run->test_count; i++)
		add_span(events, run, "test", 0, run->tests[i].name, &run->tests[i]);
	for (size_t i = 0; i < run->port_count; i++) {
		cleanup_free char *name = str_print("port %d", run->ports[i].port);

		add_span(events, run, "port", PORT_LANES, name, &run->ports[i]);
	}
}

static void add_marks(json_t *events, const struct report_run *run)
{
	for (size_t i = 0; i < run->finding_count; i++) {
		const json_t *finding = run->findings[i];

		add(events,
		    json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:{s:s, s:s}}", "ph", "i", "s",
		              "t", "cat", "finding", "name", record_text(finding, "kind"), "pid",
		              process_of(run, record_number(finding, "worker")), "tid",
		              (json_int_t)record_number(finding, "worker"), "ts",
		              (json_int_t)at(run, record_number(finding, "time_ms")), "args",
		              "detail", record_text(finding, "detail"), "remedy",
		              record_text(finding, "remedy")));
	}
	for (size_t i = 0; i < run->sample_count; i++) {
		const json_t *sample = run->samples[i];
		cleanup_free char *name = str_print("w%lld",
		                                    (long long)record_number(sample, "worker"));

		add(events,
		    json_pack("{s:s, s:s, s:i, s:I, s:{s:I, s:I}}", "ph", "C", "name", name, "pid",
		              process_of(run, record_number(sample, "worker")), "ts",
		              (json_int_t)at(run, record_number(sample, "time_ms")), "args",
		              "sockets", (json_int_t)record_number(sample, "sockets"), "memory_mib",
		              (json_int_t)(record_number(sample, "memory_kib") / 1024)));
	}
}

int report_trace(const struct report_run *run, const struct report_options *options,
                 struct str *text)
{
	cleanup_free char *name = str_print("berth run %s",
	                                    run->run ? record_text(run->run, "id") : "");
	json_t *root = json_object(), *events = json_array();

	(void)options;
	add_name(events, "process_name", PROCESS, 0, name);
	for (unsigned int i = 1; i <= run_shards(run); i++) {
		cleanup_free char *shard = str_print("%s, shard %u", name, i);

		add_name(events, "process_name", (int)i, 0, shard);
	}
	add_workers(events, run);
	add_spans(events, run);
	add_marks(events, run);
	json_object_set_new(root, "displayTimeUnit", json_string("ms"));
	json_object_set_new(root, "traceEvents", events);
	text_add_json(text, root, JSON_COMPACT);
	return 0;
}
