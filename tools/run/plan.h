/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_PLAN_H
#define BERTH_RUN_PLAN_H
/*
 * What a run will do, before it does anything: options in, plan out. Pure but for the environment
 * that is passed in, so that --dry-run can show it and a unit test can check it.
 */
#include "tools/base/str.h"
#include "tools/run/options.h"

struct plan_worker {
	unsigned int number; /* 1..N */
	char *task;
	char **argv; /* placeholders filled in, but for {run} */
};

struct plan {
	struct plan_worker *workers;
	unsigned int count;
	unsigned int *order; /* indexes of workers, as they are to start */
	unsigned int slots;  /* how many run at once */
	bool named;          /* the tasks have names of their own (--each) */
	bool single; /* one worker: the command keeps our terminal, streams and process group */
	int64_t grace_ms;
	uint16_t *ports, *share; /* virtual ports, 0-terminated, without repeats */
};

/**
 * @envp	where a task name may be found (PLAYWRIGHT_PROJECT, PROJECT_NAME)
 * Return: 0; -EINVAL and *ret_error, a whole message for people, the caller's to free.
 */
int plan_make(const struct run_options *options, char *const *envp, struct plan **ret_plan,
              char **ret_error);
void plan_free(struct plan *plan);

/*
 * Whether a block of @room ports is too small for those that are declared: then a whole message,
 * the caller's; else NULL.
 */
char *plan_check_block(const struct plan *plan, unsigned int room);

/* Fill in {run}, now that it has a name. */
void plan_name_run(struct plan *plan, const struct run_options *options, const char *run_id);

/* What --dry-run prints. */
void plan_describe(const struct plan *plan, const struct run_options *options, struct str *text);

/*
 * The task that a command line names: --project=X, PLAYWRIGHT_PROJECT, PROJECT_NAME, else
 * "default". The caller's.
 */
char *plan_task_of(char *const *argv, char *const *envp);

#endif
