/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_PLAN_H
#define BERTH_RUN_PLAN_H
/*
 * What a run will do, before it does anything: options in, plan out. Pure: even the environment is
 * passed in. So --dry-run can show the plan and a unit test can check it.
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
	unsigned int *order; /* indexes of workers, in the order of their start */
	unsigned int slots;  /* how many run at once */
	bool named;          /* the tasks have names of their own (--each) */
	bool single; /* one worker: the command keeps our terminal, streams and process group */
	bool private_processes; /* each worker is to have processes of its own */
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

/**
 * Has a block of @block_len real ports space for all declared ports?
 * Return: NULL; a whole message, the caller's to free, if not.
 */
char *plan_check_block(const struct plan *plan, unsigned int block_len);

/** Fill in {run}, now that the run has an id. */
void plan_name_run(struct plan *plan, const struct run_options *options, const char *run_id);

/** Return: the virtual port of a database, host byte order; 0 = not known. */
uint16_t plan_database_port(const struct run_database *database, char *const *envp);

/** The same of all that the run provides, as text; a strv, the caller's. */
char **plan_database_ports(const struct run_options *options, char *const *envp);

/** Append the plan for people. @decisions: lines about the machine, see preview.h. */
void plan_describe(const struct plan *plan, const struct run_options *options,
                   const char *decisions, struct str *text);

/**
 * The task that a command line names: --project=X, PLAYWRIGHT_PROJECT, PROJECT_NAME, else
 * "default".
 * Return: the caller's to free.
 */
char *plan_task_of(char *const *argv, char *const *envp);

#endif
