/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_POLICY_H
#define BERTH_WATCH_POLICY_H
/* When something counts as a problem: the user's settings, as the rules need them. */
#include "core/abi.h"
#include "tools/watch/finding/finding.h"

/*
 * The user's own measure for one error. It replaces the default rule, and is checked while the
 * worker runs.
 */
struct watch_alarm {
	enum berth_count error; /* BERTH_COUNT_epipe ... */
	uint64_t min;           /* so many calls failed ... */
	double ratio;           /* ... and this share of all connections, or binds */
};

/* Strings and arrays are the caller's. 0 in a field is replaced by the default in brackets. */
struct watch_policy {
	int64_t grace_ms;      /* how long a leftover may take to end by itself [1000] */
	int64_t sample_ms;     /* pause between two samples [1000; 250 for the sampling source] */
	int64_t close_wait_ms; /* a connection is stuck after so long in CLOSE_WAIT [5000] */
	unsigned int close_wait_min;   /* stuck connections of one process [3] */
	unsigned int never_closed_min; /* connections that only the end of a process closed [16] */
	unsigned int growth_min;       /* descriptors that a process gained steadily [64] */
	int64_t growth_ms; /* ... while it was seen for so long: to start is no trend [30000] */
	unsigned int error_min; /* failing calls ... [20] */
	double error_ratio;     /* ... and at least this share of all [0.05] */
	const struct watch_alarm *alarms;
	size_t alarm_count;
	/* findings that one of these matches are not reported */
	const struct finding_rule *allow;
	size_t allow_count;
	char *baseline; /* file of known fingerprints; NULL = none */
};

#endif
