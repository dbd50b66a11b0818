/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_MONITOR_REPORTS_H
#define BERTH_RUN_MONITOR_REPORTS_H
/* What is made of the record when the run has ended: findings.json, the reports, the history. */
#include "tools/report/report.h"
#include "tools/run/context.h"

/** @collected: directories with the files of --collect; a strv that must live on, NULL = none. */
struct report_options reports_options(const struct run_context *context, char **collected);

/**
 * Prints what cannot be written. @collected: as above.
 * Return: 0; the first -errno.
 */
int reports_write(const struct run_context *context, char **collected);

#endif
