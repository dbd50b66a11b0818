/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_MONITOR_RECORD_H
#define BERTH_RUN_MONITOR_RECORD_H
/*
 * The record of the run, RESULTS/runs/ID/events.ndjson: one function for each type of record that
 * docs/events.md describes. Without record_open() nothing is written.
 */
#include <stdint.h>

#include "tools/db/db.h"
#include "tools/report/report.h"
#include "tools/run/context.h"
#include "tools/run/worker/worker.h"
#include "tools/watch/watch.h"

struct record;

/**
 * @dir		of the run in the results; made here; NULL: nothing is recorded
 * Return: a record, also if the file cannot be written: see record_error().
 */
struct record *record_open(const char *dir);
void record_close(struct record *record);

/** True if records are written. */
bool record_is_open(const struct record *record);

/** The first -errno of writing; 0 if all was written. */
int record_error(const struct record *record);

/* Where the run takes place. */
struct record_run {
	const struct run_context *context;
	const char *backend, *tree;
	const char *source;        /* of the monitor, with the reason for it */
	const char *const *losses; /* what the source does not see; NULL-terminated */
};
void record_run(struct record *record, const struct record_run *run);

void record_worker_started(struct record *record, const struct worker_spec *worker,
                           const char *log_path);
void record_worker_ended(struct record *record, const struct worker_spec *worker,
                         const struct worker_result *result);
void record_counts(struct record *record, unsigned int worker, const struct watch_summary *summary);

/** @port: virtual. @opened: else closed. */
void record_port(struct record *record, const struct berth_event *event, uint16_t port,
                 bool opened);
void record_sample(struct record *record, unsigned int worker, const struct watch_sample *sample);
void record_mark(struct record *record, unsigned int worker, int64_t time_ms, const char *test);
void record_test(struct record *record, const struct test_result *result);
void record_finding(struct record *record, const struct watch_finding *finding);
void record_database(struct record *record, const struct db_record *event);
/** See inject.h. @record: a struct record. */
void record_fault(void *record, unsigned int worker, const char *fault, int hit,
                  const char *detail);

struct record_end {
	int exit_status;
	unsigned int passed, failed;
	int64_t duration_ms;
	uint64_t missed; /* calls that the monitor did not see */
};
void record_run_ended(struct record *record, const struct record_end *end);

#endif
