/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_H
#define BERTH_REPORT_H
/*
 * Reports. One stream of records is written while the run goes on, events.ndjson; everything else is made from it, at the end
 * or a year later. docs/events.md describes the records; record.def is their table.
 *
 *	report_open(dir, &report)			the run's directory in the results
 *	report_record(report, "worker_started", fields)	...
 *	report_close(report)
 *
 *	report_load(dir, &run)				all of it again
 *	report_render(run, REPORT_HTML, &options, &text)
 *	report_run_free(run)
 *
 * Functions return 0 or -errno; nothing here prints.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/base/str.h"

/* "v" of each record; bump when a field changes meaning, not when one is added */
#define REPORT_VERSION 1

struct report;

/** Append to DIR/events.ndjson; the directory must exist. */
int report_open(const char *dir, struct report **ret_report);

/**
 * Write one record, one write(2).
 * @type	a row of record.def
 * @fields	an object, released here; "v", "type" and, where it is missing, "time_ms" are added
 * Return: 0; -EINVAL for an unknown type or a field that the type must have and lacks; -errno.
 */
int report_record(struct report *report, const char *type, json_t *fields);
void report_close(struct report *report);

/* ---- the whole run, as read back ---- */

/* a port that was open; or a test, by marks */
struct report_span {
	unsigned int worker;
	int port, real_port, pid;
	const char *name;          /* command, or the test's name */
	int64_t from_ms, until_ms; /* until_ms 0: never closed */
};

struct report_worker {
	unsigned int number;
	const char *task, *status, *log; /* "passed", "failed", "running" */
	const char *error;               /* why it could not run; "" = it could */
	int exit_status;
	int64_t from_ms, until_ms;
	json_t *counts; /* borrowed; NULL = none */
};

struct report_run {
	json_t *records;     /* array; owns every string below */
	json_t *run, *ended; /* the records "run" and "run_ended"; NULL = not there (yet) */
	struct report_worker *workers;
	size_t worker_count;
	json_t **findings; /* worst first */
	size_t finding_count;
	json_t **faults; /* that --inject made */
	size_t fault_count;
	struct report_span *ports, *tests;
	size_t port_count, test_count;
	json_t **samples;
	size_t sample_count;
	int64_t from_ms, until_ms;
	size_t malformed; /* lines that are no records: a crash, a full disk */
};

/** @dir: of the run, or the file itself. Return: 0; -ENOENT; -ENODATA if there is no record in it; -errno. */
int report_load(const char *dir, struct report_run **ret_run);
int report_parse(const char *text, size_t len, struct report_run **ret_run);
void report_run_free(struct report_run *run);

/* The same problem in several workers is one problem: whether a finding before is the same, and "w1, w2 (auth)". */
bool report_is_repeated(const struct report_run *run, size_t index);
char *report_workers_of(const struct report_run *run, size_t index);

enum report_format {
#define FORMAT(name, ...) REPORT_##name,
#include "tools/report/format.def"
	REPORT_FORMATS
};
extern const char *const report_format_names[REPORT_FORMATS + 1]; /* "json", ... NULL */

struct report_options {
	char **merge; /* strv of globs: the runner's own JUnit files, for junit; NULL = none */
	const char *run_dir; /* where the workers' trees lie; NULL = not known */
	/* strv of directories with what this run has collected; NULL = none, or not known any more */
	char **collected;
	const char *project_dir; /* paths are shown relative to it; NULL = as they are */
};

/** Make a report of it. A file to merge that is no JUnit file is told inside. Return: 0; -errno. */
int report_render(const struct report_run *run, enum report_format format,
                  const struct report_options *options, struct str *text);

/** Render into @path, replaced atomically if it is a file; "-" is stdout. */
int report_write(const struct report_run *run, enum report_format format,
                 const struct report_options *options, const char *path);

/* ---- continuous integration ---- */

/** "github", "gitlab", "buildkite", ... as the environment says; NULL outside CI. */
const char *report_ci(void);

/**
 * What this CI wants without being asked: annotations on stdout and the step summary for GitHub.
 * Return: 0, also outside CI; -errno.
 */
int report_ci_publish(const struct report_run *run, const struct report_options *options);

#endif
