/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_H
#define BERTH_REPORT_H
/*
 * Reports. A run writes one stream of records, events.ndjson. Everything else is made from it, at
 * the end or a year later. docs/events.md describes the records; record.def is their table.
 *
 *	report_open(dir, &report)			the run's directory in the results
 *	report_record(report, "worker_started", fields)	...
 *	report_close(report)
 *
 *	report_load(dir, &run)				read the whole record back
 *	report_render(run, REPORT_HTML, &options, &text)
 *	report_run_free(run)
 *
 * Functions return 0 or -errno and print nothing.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/test_result.h"
#include "tools/base/str.h"

/* "v" of each record: raise it when a field changes meaning, not when one is added */
#define REPORT_VERSION 1

struct report;

/** Append to DIR/events.ndjson; the directory must exist. */
int report_open(const char *dir, struct report **ret_report);

/**
 * Write one record, one write(2).
 * @type	a row of record.def
 * @fields	an object, released here; "v", "type" and, where it is missing, "time_ms" are added
 * Return: 0; -EINVAL if the type is unknown or a field that it requires is missing; -errno.
 */
int report_record(struct report *report, const char *type, json_t *fields);
void report_close(struct report *report);

/* ---- the whole run, as read back ---- */

/* A port that was open, or a test between two marks. */
struct report_span {
	unsigned int worker;
	int port, real_port, pid;
	const char *name;          /* command, or the test's name */
	int64_t from_ms, until_ms; /* since 1970; until_ms 0 = it has no end */
};

struct report_worker {
	unsigned int number;
	unsigned int shard, shard_worker; /* in a merged record; 0 = in none */
	const char *task, *status, *log;  /* "passed", "failed", "running" */
	const char *error;                /* why it could not run; "" = it ran */
	int exit_status;
	int64_t from_ms, until_ms;
	json_t *counts; /* borrowed; NULL = none */
};

struct report_run {
	json_t *records;     /* array; owns every string and record below */
	json_t *run, *ended; /* the records "run" and "run_ended"; NULL = missing */
	struct report_worker *workers;
	size_t worker_count;
	json_t **findings; /* worst first */
	size_t finding_count;
	json_t **faults; /* made by --inject */
	size_t fault_count;
	json_t **results; /* of tests */
	size_t result_count;
	json_t **failed; /* of these */
	size_t failed_count;
	struct report_span *ports, *tests;
	size_t port_count, test_count;
	json_t **samples;
	size_t sample_count;
	int64_t from_ms, until_ms;
	size_t malformed; /* lines that are no records, after a crash or on a full disk */
};

/**
 * @dir: the run's directory, or the file. Return: 0; -ENOENT; -ENODATA if it has no record; -errno.
 */
int report_load(const char *dir, struct report_run **ret_run);
int report_parse(const char *text, size_t len, struct report_run **ret_run);
void report_run_free(struct report_run *run);

/** Return: "w3"; "s2.w3" for worker 3 of shard 2 in a merged record. A new string. */
char *report_worker_name(const struct report_worker *worker);

/*
 * The same problem in several workers is one problem, by its fingerprint. Return: whether an
 * earlier finding is the same.
 */
bool report_is_repeated(const struct report_run *run, size_t index);

/* Return: the workers that have this problem, "w1, w2 (auth)"; a new string. */
char *report_workers_of(const struct report_run *run, size_t index);

/** The test of a finding, "" = unknown, or "one of: a, b, c and 2 more"; a new string. */
char *report_test_of(const json_t *finding);

enum report_format {
#define FORMAT(name, ...) REPORT_##name,
#include "tools/report/format.def"
	REPORT_FORMATS
};
extern const char *const report_format_names[REPORT_FORMATS + 1]; /* "json", ... NULL */

struct report_options {
	char **merge; /* strv of globs: the runner's own JUnit files, for junit; NULL = none */
	const char *run_dir; /* has the workers' trees; NULL = unknown */
	char **collected;    /* strv of directories with collected files; NULL = none or unknown */
	const char *project_dir; /* paths are shown relative to it; NULL = as they are */
	int64_t since_ns;        /* CLOCK_REALTIME, when the run began; 0 = not known */
	const char *report_dir;  /* of the report, set by report_write(); NULL = unknown */
};

/**
 * Append the report to @text. A file to merge that is no JUnit file becomes a failing case in it.
 * Return: 0; -errno.
 */
int report_render(const struct report_run *run, enum report_format format,
                  const struct report_options *options, struct str *text);

/** Return: the patterns of @options->merge that match no file; a strv, the caller's to free. */
char **report_unmatched(const struct report_options *options);

typedef void (*report_test_fn)(void *arg, const struct test_result *result);

/**
 * Find the tests in JUnit files: those of @options->merge and those beside a failed log, unless
 * they are older than @options->since_ns.
 */
void report_find_tests(const struct report_options *options, report_test_fn fn, void *arg);

/** Render into @path, atomically if it is a regular file; "-" is stdout. */
int report_write(const struct report_run *run, enum report_format format,
                 const struct report_options *options, const char *path);

/* ---- continuous integration ---- */

/** Return: "github", "gitlab", "buildkite", ... by the environment; NULL outside CI. */
const char *report_ci(void);

/**
 * Publish what this CI system shows by itself: for GitHub annotations on stdout and the step
 * summary.
 * Return: 0, also outside CI; -errno.
 */
int report_ci_publish(const struct report_run *run, const struct report_options *options);

#endif
