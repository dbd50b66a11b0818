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
#include "tools/base/str.h"
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
void rule_leftovers(struct watch_rules *rules, const struct watch_worker *worker,
                    const struct pids *pids);

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

/** A worker has connected to a Unix socket of a process for the first time. */
void rule_unix_connection(struct watch_rules *rules, const struct berth_event *event);

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

/* The fields of a finding; 0 and NULL = none, or the default of finding_new(). All is borrowed. */
struct rule_report {
	enum finding_kind kind;
	unsigned int worker;
	const struct watch_process *process;
	const char *protocol, *path, *error;
	uint16_t port, real_port;
	uint64_t since_ns, count;
	const struct symbol_stack *stack;
	bool is_leftover; /* it still exists: report its age */
	bool is_note;     /* a note, although its kind is worse */
};

/** Add a finding. @format: its detail, as printf(3). */
void rule_report(struct watch_rules *rules, const struct rule_report *report, const char *format,
                 ...) PRINTF(3, 4);

extern const char *const rule_protocols[BERTH_PROTOS];

/** Return: the command of a process, else its short name; a new string. */
char *rule_process_name(const struct watch_process *process);

/** @since_ns: CLOCK_MONOTONIC. Return: milliseconds since then. */
int64_t rule_age_ms(uint64_t since_ns);

#endif
