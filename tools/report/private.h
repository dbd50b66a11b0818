/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_PRIVATE_H
#define BERTH_REPORT_PRIVATE_H
/*
 * Inside tools/report: the formats, and what they have in common. Files of formats call run.c,
 * text.c and place.c only.
 */
#include "tools/report/report.h"

#define FORMAT(NAME, name, help) \
	int report_##name(const struct report_run *run, const struct report_options *options, \
	                  struct str *text);
#include "tools/report/format.def"

/* ---- run.c: questions about records and runs ---- */

/* A field of a record; "" and 0 if it is missing, null or of another type. */
const char *record_text(const json_t *record, const char *name);
int64_t record_number(const json_t *record, const char *name);

/* The string @value; "" if it is none. */
const char *record_string(const json_t *value);

/* The strings of @list, with @separator between them; a new string. */
char *record_join(const json_t *list, const char *separator);

/* "w3 (auth)" or "s2.w3 (auth)"; "run" if @number is 0. A new string. */
char *run_worker_title(const struct report_run *run, int64_t number);

/**
 * When a port or a test of @worker ended: nothing of a worker outlives it.
 * @until_ms	its own end; 0 = the record has none
 * Return: that, else the worker's end, else the run's.
 */
int64_t run_span_end(const struct report_run *run, unsigned int worker, int64_t until_ms);

/* The number of shards of a merged record; 0 = it is of one run. */
unsigned int run_shards(const struct report_run *run);

/* NULL = none has this number. */
const struct report_worker *run_find_worker(const struct report_run *run, int64_t number);
/* Whether an earlier failed test has the same name. */
bool run_is_repeated_test(const struct report_run *run, size_t index);

/* The workers in which this test failed, "w1, w2 (auth)"; a new string. */
char *run_workers_of_test(const struct report_run *run, size_t index);

unsigned int run_count_workers(const struct report_run *run, const char *status);
unsigned int run_count_findings(const struct report_run *run, const char *severity);

/* Whether a CI system shows it: once for each problem, never for a conflict that was avoided. */
bool run_is_shown(const struct report_run *run, size_t index);

int64_t worker_duration_ms(const struct report_worker *worker); /* 0 while it runs */

/* ---- history.c ---- */

struct history;
struct sqlite3 *history_db(struct history *history);

/* ---- text.c ---- */

/* @plain for XML and HTML. A control character that XML forbids becomes '?'. */
void text_add_escaped(struct str *text, const char *plain);
void text_add_seconds(struct str *text, int64_t ms); /* "0.213", "74.000" */

/* A line with @json, which is released; @flags as json_dumps(). */
void text_add_json(struct str *text, json_t *json, size_t flags);

/* ---- place.c ---- */

/**
 * The place that a finding points at: the first frame "at FILE:LINE" whose file lies in the
 * project, else its test, else line 1 of a file that its command names.
 * @ret_file	relative to the project; the caller's to free
 * Return: false if there is none.
 */
bool finding_find_place(const json_t *finding, const struct report_options *options,
                        char **ret_file, int *ret_line);

/**
 * The first "FILE:LINE" in @text whose file lies in the project and is not of a package.
 * Return: "FILE:LINE", relative to the project, the caller's to free; NULL = none.
 */
char *text_find_place(const char *text, const struct report_options *options);

/**
 * Take the name of a test apart. A first word without line is a file if it has an inner "." or "/":
 * a path, a class or a package.
 * @ret_file	length of the file at the start of @test; 0 = none
 * @ret_line	0 = not known
 * Return: the rest, in @test.
 */
const char *test_split(const char *test, size_t *ret_file, int *ret_line);

/** Return: @text without colours and other sequences of a terminal, ECMA-48; a new string. */
char *text_without_colours(const char *text);

/** Return: the first line of an error, without colours, cut to 300 bytes; the caller's to free. */
char *text_first_line(const char *text);

#endif
