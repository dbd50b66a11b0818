/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_SVG_H
#define BERTH_REPORT_SVG_H
/*
 * The pictures of the HTML report: inline SVG in the colours of its style sheet, which are CSS
 * variables.
 */
#include "tools/report/report.h"

/* Class and colour of "error", "warning" and "note". */
const char *svg_severity_class(const char *severity);

/* A lane for each worker: its life, its tests and ports, and its findings at their times. */
void svg_timeline(struct str *text, const struct report_run *run);

/* The same for a merged record: for each shard as many rows as it ran workers at once. */
void svg_machines(struct str *text, const struct report_run *run);

/**
 * A curve for each worker: @field of the samples, divided by @unit. Adds nothing if there are fewer
 * than two samples.
 */
void svg_plot(struct str *text, const struct report_run *run, const char *field, const char *title,
              int64_t unit);

/* A bar for each worker, longest first. */
void svg_durations(struct str *text, const struct report_run *run);

#endif
