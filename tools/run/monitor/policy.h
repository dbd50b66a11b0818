/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_MONITOR_POLICY_H
#define BERTH_RUN_MONITOR_POLICY_H
/*
 * What the options of a run mean for its findings: how the run is watched, which findings are
 * allowed, which are shown, which fail the run.
 */
#include <stdbool.h>

#include "tools/run/context.h"
#include "tools/watch/watch.h"

struct policy {
	struct watch_policy watch; /* for watch_open() */
	struct watch_alarm alarms[RUN_ERRORS];
	struct finding_rule *allow;
};

/** @context: must live as long as @policy. */
void policy_open(struct policy *policy, const struct run_context *context);
void policy_close(struct policy *policy);

/** The source for the monitor. */
enum watch_source policy_source(const struct run_context *context);

/** Is there a rule of allow: with stack:? Only eBPF sees stacks. */
bool policy_needs_stacks(const struct run_options *options);

/** True if the run is recorded: several workers, tasks with names, or reports. */
bool policy_records(const struct run_context *context);

/** True if the finding is new to the user: not in the baseline, and more than a note. */
bool policy_is_new(const struct watch_finding *finding);

/** True if the summary shows the finding; it has words of its own for some kinds. */
bool policy_is_shown(const struct watch_finding *finding, const struct run_options *options);

/** True if a finding with this gate is new. @watch may be NULL. */
bool policy_has_new(const struct watch *watch, enum finding_gate gate);

#endif
