/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_SUMMARY_H
#define BERTH_RUN_SUMMARY_H
/* What a run prints at its end, on stderr. */
#include "tools/isolate/isolate.h"
#include "tools/run/monitor/tests.h"
#include "tools/run/verdict.h"
#include "tools/run/worker/output.h"
#include "tools/tree/tree.h"

struct summary {
	const struct outcome *outcome;
	const struct output *output;
	const struct isolate *isolate;
	const struct tests *tests;
	const struct tree *tree;
	bool shares_tree; /* because no other tree can be had here */
	const unsigned int
		*changed; /* by number - 1: files that a worker wrote in a tree of its own */
};

/** Findings, failed workers, leftovers, losses, totals. */
void summary_show(const struct summary *summary);

/** Which setting made a run fail whose suite passed; nothing for another status. */
void summary_show_gate(int status);

/** Output of workers could not be shown on our descriptor @to. @error: -errno. */
void summary_show_unshown(const struct run_context *context, int to, int error);

/** Results could not be written. @error: -errno. */
void summary_show_incomplete(const struct run_context *context, int error);

#endif
