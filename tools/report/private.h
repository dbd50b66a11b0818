/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_PRIVATE_H
#define BERTH_REPORT_PRIVATE_H
/* Inside tools/report: the formats, and what they have in common. */
#include "tools/report/report.h"

#define FORMAT(NAME, name, help) \
	int report_##name(const struct report_run *run, const struct report_options *options, \
	                  struct str *text);
#include "tools/report/format.def"

/* Fields of records, with a neutral value where they are missing or null. */
const char *field_text(const json_t *record, const char *name); /* "" */
int64_t field_number(const json_t *record, const char *name);   /* 0 */

/* "w3 (auth)"; a new string */
char *worker_title(const struct report_run *run, int64_t number);
const struct report_worker *worker_find(const struct report_run *run, int64_t number);
unsigned int workers_with(const struct report_run *run, const char *status);
unsigned int findings_of(const struct report_run *run, const char *severity);

/**
 * The place that a finding points at: the first frame "at FILE:LINE" whose file lies in the project, else its test.
 * @ret_file	relative to the project; the caller's to free
 */
bool finding_place(const json_t *finding, const struct report_options *options, char **ret_file,
                   int *ret_line);

/* Escaped for XML and HTML; control characters that XML forbids become '?'. */
void add_escaped(struct str *text, const char *plain);
void add_seconds(struct str *text, int64_t ms); /* "0.213", "74.0" */

#endif
