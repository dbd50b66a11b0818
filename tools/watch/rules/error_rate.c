/* SPDX-License-Identifier: MIT */
/*
 * error_rate: many calls of a worker failed with one error.
 *
 * Suites wait for their servers by connecting until one answers, so hundreds of refused connects
 * are normal. They are reported only where most of them failed, and the worker as well.
 */
#include "tools/base/cleanup.h"
#include "tools/watch/rules/rules.h"

static const struct error_rate {
	enum berth_count errors, all;
	const char *name, *of;
	double min_ratio;   /* at least this, whatever the policy says */
	bool worker_failed; /* only in a worker that failed */
} rates[] = {
	{ BERTH_COUNT_epipe, BERTH_COUNT_connected, "EPIPE", "connection", 0, false },
	{ BERTH_COUNT_econnreset, BERTH_COUNT_connected, "ECONNRESET", "connection", 0, false },
	{ BERTH_COUNT_econnrefused, BERTH_COUNT_connected, "ECONNREFUSED", "connection", 20, true },
	{ BERTH_COUNT_etimedout, BERTH_COUNT_connected, "ETIMEDOUT", "connection", 0, false },
	{ BERTH_COUNT_eaddrinuse, BERTH_COUNT_bound, "EADDRINUSE", "bind", 0, false },
};

static void check_rate(struct watch_rules *rules, const struct watch_worker *worker, size_t index,
                       uint64_t min, double ratio)
{
	const struct error_rate *rate = &rates[index];
	const uint64_t *counts = worker->counts.of;
	uint64_t errors = counts[rate->errors], all = counts[rate->all];

	if (rate->all == BERTH_COUNT_connected)
		all += counts[BERTH_COUNT_accepted];
	if (errors < min || (double)errors < ratio * (double)all ||
	    rules->alarmed[worker->number] & 1u << index)
		return;
	rules->alarmed[worker->number] |= 1u << index;
	rule_report(rules,
	            &(struct rule_report){ .kind = FINDING_error_rate,
	                                   .worker = worker->number,
	                                   .count = errors,
	                                   .error = rate->name },
	            "%llu calls failed with %s, beside %llu %ss", (unsigned long long)errors,
	            rate->name, (unsigned long long)all, rate->of);
}

static const struct watch_alarm *find_alarm(const struct watch_policy *policy,
                                            const struct error_rate *rate)
{
	for (size_t i = 0; i < policy->alarm_count; i++)
		if (policy->alarms[i].error == rate->errors)
			return &policy->alarms[i];
	return NULL;
}

void rule_alarms(struct watch_rules *rules, const struct watch_worker *worker)
{
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		const struct watch_alarm *alarm = find_alarm(rules->policy, &rates[i]);

		if (alarm)
			check_rate(rules, worker, i, alarm->min ? alarm->min : 1, alarm->ratio);
	}
}

void rule_error_rates(struct watch_rules *rules, const struct watch_worker *worker)
{
	const struct watch_policy *policy = rules->policy;

	rule_alarms(rules, worker);
	for (size_t i = 0; i < ARRAY_LEN(rates); i++)
		if (!find_alarm(policy, &rates[i]) && !(rates[i].worker_failed && worker->passed))
			check_rate(rules, worker, i, policy->error_min,
			           rates[i].min_ratio > policy->error_ratio ? rates[i].min_ratio
			                                                    : policy->error_ratio);
}
