/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_OUTPUT_H
#define BERTH_RUN_WORKER_OUTPUT_H
/*
 * What the workers of a run write: logs, and what of them is shown on our own stdout and stderr.
 *
 *	output_open()		once, before the first worker
 *	output_worker_open()	makes the two pipes and the log of a worker
 *	output_worker_close()	reads what is left in the pipes and closes them
 *	output_worker_over()	shows the log of a worker where the mode asks for it
 *	output_close()
 *
 * While our own stdout or stderr takes nothing, no worker's pipe is read: the workers wait as they
 * would without us.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/base/loop.h"
#include "tools/run/options.h"
#include "tools/run/worker/console.h"

struct output;

struct output_setup {
	struct loop *loop;
	enum run_output mode;
	enum run_color color;
	const char *log_dir; /* made when the first log is */
	unsigned int workers;
	unsigned int name_width; /* of the longest name, for the prefixes */
};

struct output *output_open(const struct output_setup *setup);
void output_close(struct output *output);

/**
 * @number	1..setup.workers
 * @name	for the prefix; must live as long as @output
 * @log_name	of the log's file, without ".log"
 * @ret_streams	the worker's ends for stdout and stderr; the caller's to close
 * Return: 0; -errno.
 */
int output_worker_open(struct output *output, unsigned int number, const char *name,
                       const char *log_name, int ret_streams[2]);

/** All processes of the worker are gone: read the rest, close the pipes and the log. */
void output_worker_close(struct output *output, unsigned int number);

/** The worker is over after @ms: show its log, in the modes group and quiet. */
void output_worker_over(struct output *output, unsigned int number, bool failed, int64_t ms);

/** Path of the worker's log; NULL if it has none. */
const char *output_log_path(const struct output *output, unsigned int number);

/** Where the workers' text is shown; owned by @output. */
struct console *output_console(const struct output *output);

/** True if lines are shown as they come, each with its worker's name. */
bool output_is_prefixed(const struct output *output);

/** True if prefixes are coloured. */
bool output_is_colored(const struct output *output);

/** In a forked child: close all descriptors of other processes' output. */
void output_close_descriptors(const struct output *output);

/** The first -errno of writing or opening a log; 0 if there was none. */
int output_error(const struct output *output);

#endif
