/* SPDX-License-Identifier: MIT */
#include "tools/run/monitor/policy.h"

#include <stdlib.h>

#include "tools/base/str.h"

enum { GRACE_MS = 1000 };

static void set_allow(struct policy *policy, const struct run_options *options)
{
	size_t count = 0;

	for (unsigned int i = 0; i < options->allow_count; i++) {
		const struct run_allow *allow = &options->allow[i];
		unsigned int ranges = allow->ports.count ? allow->ports.count : 1;

		policy->allow = mem_grow(policy->allow, count + ranges, sizeof(*policy->allow));
		for (unsigned int k = 0; k < ranges; k++) {
			struct run_port_range range = { 0 };

			if (allow->ports.count)
				range = allow->ports.ranges[k];
			policy->allow[count++] = (struct finding_rule){ range.first, range.last,
				                                        allow->program,
				                                        allow->stack };
		}
	}
	policy->watch.allow = policy->allow;
	policy->watch.allow_count = count;
}

/* The last entry for an error holds. */
static void set_alarms(struct policy *policy, const struct run_options *options)
{
	static const enum berth_count counts[RUN_ERRORS] = {
		[RUN_EPIPE] = BERTH_COUNT_epipe,
		[RUN_ECONNRESET] = BERTH_COUNT_econnreset,
		[RUN_ECONNREFUSED] = BERTH_COUNT_econnrefused,
		[RUN_ETIMEDOUT] = BERTH_COUNT_etimedout,
		[RUN_EADDRINUSE] = BERTH_COUNT_eaddrinuse,
	};
	size_t place[RUN_ERRORS] = { 0 }; /* 1 + index; 0 = none yet */

	policy->watch.alarms = policy->alarms;
	for (unsigned int i = 0; i < options->alarm_count; i++) {
		const struct run_alarm *alarm = &options->alarms[i];

		if (!place[alarm->error])
			place[alarm->error] = ++policy->watch.alarm_count;
		policy->alarms[place[alarm->error] - 1] = (struct watch_alarm){
			counts[alarm->error], alarm->count, alarm->percent / 100
		};
	}
}

void policy_open(struct policy *policy, const struct run_context *context)
{
	*policy = (struct policy){ 0 };
	policy->watch.grace_ms = GRACE_MS;
	policy->watch.baseline = str_print("%s/berth.baseline", context->project_dir);
	set_allow(policy, context->options);
	set_alarms(policy, context->options);
}

void policy_close(struct policy *policy)
{
	free(policy->allow);
	free(policy->watch.baseline);
}

static bool wants_reports(const struct run_options *options)
{
	return options->json_file || options->junit_file || options->html_file ||
	       options->trace_file || options->markdown_file || options->gitlab_file;
}

bool policy_needs_stacks(const struct run_options *options)
{
	for (unsigned int i = 0; i < options->allow_count; i++)
		if (options->allow[i].stack)
			return true;
	return false;
}

/*
 * eBPF takes some 45 ms to load, most of it to read the kernel's types. So it is used for several
 * workers, for a gate that can fail the run, for rules about stacks, and for reports. One command
 * without any of these is sampled, which costs one look at its end.
 */
enum watch_source policy_source(const struct run_context *context)
{
	const struct run_options *options = context->options;

	if (context->plan->single && !wants_reports(options) && options->leaks != RUN_GATE_FAIL &&
	    options->foreign != RUN_GATE_FAIL && !options->alarm_count && !options->hook &&
	    !policy_needs_stacks(options))
		return WATCH_SAMPLE;
	return WATCH_AUTO;
}

bool policy_records(const struct run_context *context)
{
	/* the record of a server that is up for days would grow without use */
	if (context->options->name)
		return false;
	return !context->plan->single || context->plan->named || context->options->shard.count ||
	       context->options->flaky || wants_reports(context->options);
}

bool policy_is_new(const struct watch_finding *finding)
{
	return finding->severity != FINDING_NOTE && !finding->known;
}

/* The summary shows leftover processes from another source, watched or not. */
bool policy_is_shown(const struct watch_finding *finding, const struct run_options *options)
{
	if (finding_table[finding->kind].gate == FINDING_GATE_FOREIGN)
		return policy_is_new(finding) && options->foreign != RUN_GATE_OFF;
	return policy_is_new(finding) && finding->kind != FINDING_leaked_process &&
	       options->leaks != RUN_GATE_OFF;
}

bool policy_has_new(const struct watch *watch, enum finding_gate gate)
{
	for (size_t i = 0; watch && i < watch_finding_count(watch); i++) {
		const struct watch_finding *finding = watch_finding(watch, i);

		if (finding_table[finding->kind].gate == gate && policy_is_new(finding))
			return true;
	}
	return false;
}
