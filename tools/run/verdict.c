/* SPDX-License-Identifier: MIT */
/*
 * The suite's own failure outranks the findings, because people look at it first. A finding turns a
 * success into a failure only where a gate says so. Workers that --fail-fast ended do not count:
 * their 143 would hide the status of the worker that failed.
 */
#include "tools/run/verdict.h"

#include "tools/run/monitor/policy.h"

static int suite_status(const struct outcome *outcome)
{
	const struct worker_result *only = outcome->context->plan->single
	                                           ? worker_result(outcome->workers[0])
	                                           : NULL;
	int worst = 0;

	/* a single command that ran to its end has decided itself what the signal means */
	if (outcome->signal && !(only && only->pid && only->exited))
		return 128 + outcome->signal;
	for (unsigned int i = 0; i < outcome->totals.count; i++) {
		const struct worker_result *result = worker_result(outcome->workers[i]);

		if (result->end != END_FAIL_FAST && result->status == STATE_FAILED &&
		    result->exit_status > worst)
			worst = result->exit_status;
	}
	return worst;
}

static bool has_leftovers(const struct outcome *outcome)
{
	for (unsigned int i = 0; i < outcome->totals.count; i++)
		if (worker_result(outcome->workers[i])->leftover_count)
			return true;
	return false;
}

static int gate_status(const struct outcome *outcome)
{
	const struct run_options *options = outcome->context->options;

	if (options->strict && notes_lost_isolation(outcome->notes))
		return VERDICT_ISOLATION;
	if (options->foreign == RUN_GATE_FAIL &&
	    (notes_found_foreign(outcome->notes) ||
	     policy_has_new(outcome->watch, FINDING_GATE_FOREIGN)))
		return VERDICT_FOREIGN;
	if (options->leaks != RUN_GATE_FAIL)
		return 0;
	if (policy_has_new(outcome->watch, FINDING_GATE_LEAKS))
		return VERDICT_LEAKS;
	/* the monitor knows which are allowed or known; without it every leftover process counts */
	return !outcome->watch && has_leftovers(outcome) ? VERDICT_LEAKS : 0;
}

int verdict_of(const struct outcome *outcome)
{
	bool judges_tests = outcome->context->options->flaky && !outcome->signal;
	int status = suite_status(outcome), gate = gate_status(outcome);

	if (judges_tests && outcome->tests == TESTS_FLAKY && gate != VERDICT_ISOLATION)
		return VERDICT_FLAKY;
	if (judges_tests && outcome->tests == TESTS_UNKNOWN && !status)
		return VERDICT_INTERNAL;
	return status ? status : gate;
}
