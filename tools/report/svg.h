/* SPDX-License-Identifier: MIT */
#ifndef BERTH_REPORT_SVG_H
#define BERTH_REPORT_SVG_H
/* The pictures of the HTML report: inline SVG in the colours of its style sheet (CSS variables). */
#include "tools/report/report.h"

/* A lane per worker: its life, the tests and ports in it, findings where they were made. */
void svg_timeline(struct str *text, const struct report_run *run);

/** A line per worker of @field of the samples, divided by @unit; nothing if there are fewer than two samples. */
void svg_plot(struct str *text, const struct report_run *run, const char *field, const char *title,
              int64_t unit);

/* A bar per worker, longest first. */
void svg_durations(struct str *text, const struct report_run *run);

#endif
