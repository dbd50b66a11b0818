/* SPDX-License-Identifier: MIT */
/*
 * In the supervisor, before anything else of the run. The directory of run-time files appears under
 * its name only when its lock is held (it is made beside, locked, renamed): an unlocked one belongs
 * to a dead run, never to one that is about to start.
 */
#include "tools/run/context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/state/results.h"
#include "tools/state/runtime.h"

int context_fail(char **ret_error, int ret, const char *what, const char *subject)
{
	const char *hint = ret == -EFBIG ? "\nhint: raise the limit of file sizes: "
	                                   "ulimit -f unlimited"
	                                 : "";

	if (subject)
		*ret_error = str_print("unable to %s '%s': %s%s", what, subject, strerror(-ret),
		                       hint);
	else
		*ret_error = str_print("unable to %s: %s", what, strerror(-ret));
	return ret;
}

/* Append "hint: HINT" as a second line. Return: @ret. */
static int add_hint(char **error, int ret, const char *hint)
{
	cleanup_free char *plain = *error;

	*error = str_print("%s\nhint: %s", plain, hint);
	return ret;
}

/*
 * Directories that another user has made (`sudo berth`) are reported before the first worker
 * starts.
 */
static int open_results(struct run_context *context, char **ret_error)
{
	const char *given = context->options->results_dir, *dir;
	cleanup_free char *runs = NULL, *own = NULL, *said = NULL;
	const char *elsewhere = "--results DIR puts them elsewhere";
	int ret;

	if (given)
		context->results_dir = *given == '/' ? str_copy(given)
		                                     : str_print("%s/%s", context->cwd, given);
	else
		context->results_dir = results_default(context->project_dir, NULL, NULL);
	dir = context->results_dir;
	runs = str_print("%s/runs", dir);
	ret = given ? dir_make(dir, 0777) : results_make_default(context->project_dir, &said);
	if (said)
		log_line("%s", said);
	if (ret)
		return add_hint(ret_error,
		                context_fail(ret_error, ret, "make the results directory", dir),
		                elsewhere);
	if (file_is_planted(dir)) {
		*ret_error = str_print("results directory '%s': it is another user's, in a "
		                       "directory where everybody can write",
		                       dir);
		return add_hint(ret_error, -EACCES, elsewhere);
	}
	if (!access(dir, W_OK) && (access(runs, F_OK) || !access(runs, W_OK)))
		return 0;
	ret = context_fail(ret_error, -errno, "write to the results directory", dir);
	own = str_print("if an earlier run was root's: sudo chown -R $USER %s; or: --results DIR",
	                dir);
	return add_hint(ret_error, ret, ret == -EACCES ? own : elsewhere);
}

static int open_places(struct run_context *context, char **ret_error)
{
	const struct run_options *options = context->options;
	int ret;

	context->cwd = getcwd(NULL, 0);
	if (!context->cwd) {
		ret = context_fail(ret_error, -errno, "find the working directory", NULL);
		return add_hint(ret_error, ret, "if it has been removed, go into one that exists");
	}
	context->project_dir = str_copy(options->project_dir ? options->project_dir : context->cwd);
	ret = open_results(context, ret_error);
	if (ret)
		return ret;
	ret = dir_install(&context->install_dir);
	if (!ret)
		return 0;
	return add_hint(ret_error, context_fail(ret_error, ret, "find berth's own files", NULL),
	                "is /proc mounted here?");
}

static int open_name(struct run_context *context, char **ret_error)
{
	cleanup_free char *path = NULL;
	int ret = runtime_make(context->results_dir, &context->id, &context->dir, &context->lock);

	if (ret) {
		(void)dir_runtime(&path);
		(void)context_fail(ret_error, ret, "make the directory for run-time files", path);
		return add_hint(ret_error, ret,
		                "it must be yours alone; with XDG_RUNTIME_DIR, a directory "
		                "of yours, it lies there");
	}
	context->log_dir = context->options->name
	                           ? str_copy(context->options->environment_dir)
	                           : str_print("%s/runs/%s", context->results_dir, context->id);
	plan_name_run(context->plan, context->options, context->id);
	return 0;
}

/* The state names the directory before it exists, or a crash could leave an unknown one behind. */
static int open_scratch(struct run_context *context, char **ret_error)
{
	struct run_state state;
	int ret;

	ret = runtime_scratch(context->id, &context->scratch_dir);
	if (ret)
		return context_fail(ret_error, ret, "choose a directory for", context->id);
	state = context_state(context);
	(void)state_save(&state);
	ret = runtime_make_scratch(context->scratch_dir);
	if (ret)
		return context_fail(ret_error, ret, "make the directory", context->scratch_dir);
	context->inits_lock = runtime_lock_inits(context->dir);
	if (context->inits_lock < 0)
		return context_fail(ret_error, context->inits_lock, "lock", context->dir);
	return 0;
}

int context_open(struct run_context *context, const struct run_options *options, struct plan *plan,
                 char **ret_error)
{
	int ret;

	*context = (struct run_context){ .options = options,
		                         .plan = plan,
		                         .lock = -1,
		                         .inits_lock = -1,
		                         .started_ms = clock_ms(),
		                         .started_wall_ns = clock_wall_ns() };
	/* before state_save() replaces it */
	if (options->name)
		(void)state_load_file(options->environment_dir, &context->before);
	for (size_t i = 0; i < context->before.worker_count; i++) {
		struct state_worker *worker = &context->before.workers[i];

		worker->status = STATE_WAITING; /* only its ports are of use now */
		worker->pid = worker->init = 0;
		free(steal(&worker->map_path));
	}
	ret = open_places(context, ret_error);
	if (!ret)
		ret = open_name(context, ret_error);
	return ret ? ret : open_scratch(context, ret_error);
}

struct run_state context_state(const struct run_context *context)
{
	return (struct run_state){
		.id = context->id,
		.pid = getpid(),
		.project_dir = context->project_dir,
		.results_dir = context->results_dir,
		.dir = context->dir,
		.scratch_dir = context->scratch_dir,
		.log_dir = context->log_dir,
		.name = context->options->name,
		.backend = (char *)(uintptr_t)isolate_backend_names[ISOLATE_NONE],
		.tree = (char *)(uintptr_t)tree_kind_names[TREE_SHARED],
		.command = context->options->command,
		.started_ns = context->started_wall_ns,
		.workers = context->before.workers,
		.worker_count = context->before.worker_count,
	};
}

void context_close(struct run_context *context)
{
	if (context->inits_lock >= 0)
		close(context->inits_lock);
	if (context->lock >= 0)
		close(context->lock);
	free(context->id);
	free(context->dir);
	free(context->project_dir);
	free(context->results_dir);
	free(context->log_dir);
	free(context->scratch_dir);
	free(context->cwd);
	free(context->install_dir);
	state_free(&context->before);
}
