/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_RULES_H
#define BERTH_WATCH_RULES_H
/*
 * The rules: each reads the model and adds findings of its kind to the list. watch.c decides when a
 * rule is due.
 *
 * Programs in good order must pass: a port that was in use and then was not, a pool of a few
 * connections that the end of the process closes, a second server on another port.
 */
#include "tools/watch/finding/finding_list.h"
#include "tools/watch/model/model.h"
#include "tools/watch/rules/policy.h"

/* What every rule needs. All pointers are the caller's. */
struct watch_rules {
	struct watch_model *model;
	struct finding_list *findings;
	const struct watch_policy *policy;           /* complete, without default values */
	const char *run_id;                          /* NULL = unknown */
	unsigned int alarmed[BERTH_WORKERS_MAX + 1]; /* error_rate.c: bits of the rates reported */
};

/* ---- leftover.c: after the grace period; @pids are the worker's processes that are alive ---- */
void rule_leftovers(struct watch_rules *rules, const struct watch_worker *worker, const pid_t *pids,
                    size_t count);

/* ---- conflict.c ---- */
void rule_port_conflicts(struct watch_rules *rules, const struct watch_worker *worker);
void rule_path_failures(struct watch_rules *rules, const struct watch_worker *worker);
void rule_conflicts_avoided(struct watch_rules *rules); /* when all workers have ended */

/* ---- connection.c ---- */

/**
 * A worker has connected, or sent a datagram, to a destination for the first time.
 * @stack	where the socket was created; NULL = unknown
 */
void rule_connection(struct watch_rules *rules, const struct berth_event *event,
                     const struct monitor_stack *stack);

/* ---- unclosed.c ---- */
void rule_never_closed(struct watch_rules *rules, const struct watch_worker *worker);
void rule_descriptor_growth(struct watch_rules *rules, struct watch_process *process);
void rule_time_wait(struct watch_rules *rules, const struct watch_worker *worker);

/*
 * Sockets that are in CLOSE_WAIT: begin with {.rules}, give each open socket to _add(), then call
 * _finish().
 */
struct close_wait_check {
	struct watch_rules *rules;
	struct table counts; /* by worker and pid */
};
void rule_close_wait_add(void *check, const struct berth_socket *socket);
void rule_close_wait_finish(struct close_wait_check *check);

/* ---- error_rate.c: worker->counts must be up to date ---- */
void rule_alarms(struct watch_rules *rules, const struct watch_worker *worker);
void rule_error_rates(struct watch_rules *rules,
                      const struct watch_worker *worker); /* at its end */

/* ---- rule.c: what the rules have in common ---- */

struct watch_finding *rule_finding(struct watch_rules *rules, enum finding_kind kind,
                                   unsigned int worker);
void rule_set_process(struct watch_finding *finding, const struct watch_process *process);
/* Port, process, stack and beginning. */
void rule_set_endpoint(struct watch_finding *finding, const struct watch_endpoint *endpoint);
void rule_set_protocol(struct watch_finding *finding, enum berth_proto proto);

/** @since_ns: CLOCK_MONOTONIC. Return: milliseconds since then; -1 if it is 0, which is unknown. */
int64_t rule_age_ms(uint64_t since_ns);

/**
 * Return: whether the process ended with status 0. Then it has coped with an error: a test, a
 *	   search for a free port.
 */
bool rule_process_succeeded(const struct watch_process *process);

#endif
