/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_CONTEXT_H
#define BERTH_RUN_CONTEXT_H
/*
 * What identifies a run: its id, its directories, its options and its plan. context_open() fills it
 * before anything else of the run exists; all other modules only read it.
 */
#include <stdint.h>

#include "tools/run/options.h"
#include "tools/run/plan.h"
#include "tools/state/state.h"

struct run_context {
	const struct run_options *options;
	struct plan *plan;
	char *id;
	char *dir; /* run-time files */
	char *project_dir, *results_dir;
	char *log_dir;     /* RESULTS/runs/ID, made when it is needed; or an environment's */
	char *scratch_dir; /* trees, TMPDIRs */
	char *cwd;
	char *install_dir;
	struct run_state before; /* of an environment, the last time */
	int lock;                /* held while supervisor or cleanup guard lives; -1 = none */
	int inits_lock;          /* held while supervisor or a worker init lives; -1 = none */
	int64_t started_wall_ns, started_ms;
};

/**
 * @context	filled as far as it got, also on failure: context_close() it
 * Return: 0; -errno and *ret_error, a whole message, the caller's to free.
 */
int context_open(struct run_context *context, const struct run_options *options, struct plan *plan,
                 char **ret_error);
void context_close(struct run_context *context);

/** The part of the state file that is known from the beginning; nothing is copied. */
struct run_state context_state(const struct run_context *context);

/** A whole message, "unable to WHAT 'SUBJECT': CAUSE"; @subject may be NULL. Return: @ret. */
int context_fail(char **ret_error, int ret, const char *what, const char *subject);

#endif
