/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_PREVIEW_H
#define BERTH_RUN_PREVIEW_H
/* What --dry-run prints: the plan, with what a run would choose on this machine. */
#include "tools/run/plan.h"

/**
 * Try backend, tree and limits as a run does, and remove what that needed. Starts no server and no
 * command.
 * Return: 0; -errno and *ret_error, a whole message, if such a run could not start.
 */
int preview_describe(const struct plan *plan, const struct run_options *options, struct str *text,
                     char **ret_error);

#endif
