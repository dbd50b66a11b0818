/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_SHOW_REPORT_H
#define BERTH_CLI_SHOW_REPORT_H
/* What `berth report` and `berth merge` print and write. */
#include "tools/cli/settings/cli.h"
#include "tools/report/report.h"

/**
 * Write the reports that options ask for; without one, print text on a terminal, else Markdown.
 * Prints errors. Return: the exit status.
 */
int show_report(const struct cli *cli, const struct report_run *run,
                const struct report_options *options);

#endif
