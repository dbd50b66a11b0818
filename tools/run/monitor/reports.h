/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_MONITOR_REPORTS_H
#define BERTH_RUN_MONITOR_REPORTS_H
/* What is made of the record when the run has ended: findings.json, the reports, the history. */
#include "tools/run/context.h"

/**
 * Prints what cannot be written.
 * @collected	directories with the files of --collect; strv, NULL = none
 * Return: 0; the first -errno.
 */
int reports_write(const struct run_context *context, char **collected);

#endif
