/* SPDX-License-Identifier: MIT */
/*
 * Rename mode, in the supervisor: one relay process for each worker, and one process that prepares
 * the server and decides who makes the template. Nothing here talks to a database server.
 *
 *	hash of the setup's inputs (job) -> the preparing process says
 *		cached or none -> the workers start
 *		setup -> worker 0 runs the setup command -> commit -> the other workers start
 */
#include "tools/db/rename/rename.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/db/rename/worker.h"
#include "tools/db/sql/names.h"

/* --- the template --- */

static void settle(struct rename_mode *mode, const char *failure)
{
	mode->ready = true;
	free(mode->failure);
	mode->failure = str_copy(failure);
	for (struct db_worker *worker = mode->db->workers; worker; worker = worker->next) {
		struct rename_worker *self = worker->mode_data;

		if (!self->waiting || worker->ending || !worker->number)
			continue;
		self->waiting = false;
		if (failure)
			rename_worker_fail(self, failure);
		else
			rename_worker_start(self);
	}
}

static void run_setup(struct rename_mode *mode)
{
	const struct db_config *config = &mode->db->config;

	mode->in_setup = true; /* before the call, which prepares worker 0 */
	if (config->run_setup && !config->run_setup(config->arg, config->command))
		return;
	rename_setup_done(mode);
	settle(mode, "the setup command could not be started");
}

static void on_preparer_line(void *arg, const char *text)
{
	struct rename_mode *mode = arg;

	if (!strcmp(text, "setup")) {
		run_setup(mode);
	} else if (!strcmp(text, "cached")) {
		rename_record_template(mode, text);
		settle(mode, NULL);
	} else if (!strcmp(text, "none")) {
		settle(mode, NULL);
	} else if (str_starts(text, "busy ")) {
		db_record(&(struct db_worker){ .db = mode->db }, DB_RECORD_BUSY, 0, -1,
		          text + strlen("busy "));
	} else if (str_starts(text, "error ")) {
		settle(mode, text + strlen("error "));
	}
}

static void on_preparer_end(void *arg)
{
	struct rename_mode *mode = arg;

	mode->preparer = NULL;
	if (!mode->ready && !mode->in_setup)
		settle(mode, "the process that prepares the server ended unexpectedly");
}

static void on_hash(void *arg, int error, const char *text)
{
	struct rename_mode *mode = arg;
	cleanup_strv char **words = strv_split(text, " ");
	int ret;

	mode->job = NULL;
	if (error || strv_len(words) != 2) {
		settle(mode, error == -E2BIG ? "too many files named as inputs of the setup"
		                             : strerror(-error));
		return;
	}
	mode->hash = str_copy(words[0]);
	mode->db->template_files = (unsigned int)strtoul(words[1], NULL, 10);
	mode->prepare_plan = (struct rename_plan){
		.db = mode->db, .template_hash = mode->db->config.command ? mode->hash : NULL
	};
	ret = coproc_start(&(struct coproc_setup){ .loop = mode->db->config.loop,
	                                           .main = rename_prepare_main,
	                                           .main_arg = &mode->prepare_plan,
	                                           .on_line = on_preparer_line,
	                                           .on_end = on_preparer_end,
	                                           .arg = mode },
	                   &mode->preparer);
	if (ret)
		settle(mode, strerror(-ret));
}

/* --- a worker --- */

static int prepare_worker(struct db_worker *worker)
{
	struct rename_mode *mode = worker->db->mode_data;
	struct rename_worker *self;
	int ret = rename_worker_new(worker, &self);

	if (ret)
		return ret;
	worker->mode_data = self;
	if (!worker->number || (mode->ready && !mode->failure))
		rename_worker_start(self);
	else if (mode->failure)
		rename_worker_fail(self, mode->failure);
	return 0;
}

static int reset_worker(struct db_worker *worker, const char *snapshot)
{
	return rename_worker_order(worker->mode_data, "reset", snapshot);
}

static int snapshot_worker(struct db_worker *worker, const char *name)
{
	return rename_worker_order(worker->mode_data, "snapshot", name);
}

static void end_worker(struct db_worker *worker)
{
	const struct db_config *config = &worker->db->config;
	bool keep = worker->number && worker->usable &&
	            (config->keep || (config->keep_failed && worker->failed));
	bool commit = !worker->number && worker->usable && !worker->failed;

	if (rename_worker_order(worker->mode_data,
	                        commit ? "commit"
	                        : keep ? "keep"
	                               : "drop",
	                        NULL))
		rename_worker_free(worker->mode_data);
}

static char *physical_name(const struct db_worker *worker, unsigned int url)
{
	const struct rename_worker *self = worker->mode_data;
	const char *logical = worker->db->urls[url].name;
	struct names names;
	struct str name = { 0 };

	names_init(&names, self->suffix);
	names_physical(&names, logical, strlen(logical), &name);
	names_free(&names);
	return str_take(&name);
}

/* --- the mode --- */

static void close_mode(struct db *db)
{
	struct rename_mode *mode = db->mode_data;

	job_cancel(mode->job);
	coproc_kill(mode->preparer);
	if (mode->socket_dir)
		(void)dir_remove(mode->socket_dir);
	free(mode->breaker.why);
	free(mode->hash);
	free(mode->failure);
	free(mode->socket_dir);
	free(mode);
	db->mode_data = NULL;
}

static int open_mode(struct db *db, char **ret_reason)
{
	struct rename_mode *mode = mem_alloc(sizeof(*mode));
	/* no server programs are needed: the relay runs as our own user */
	const struct db_programs no_programs = { 0 };
	int ret;

	*mode = (struct rename_mode){ .db = db, .began_ms = clock_ms(), .settled = settle };
	db->mode_data = mode;
	mode->plan = (struct template_plan){ .urls = db->urls,
		                             .url_count = db->url_count,
		                             .project_dir = db->config.project_dir,
		                             .command = db->config.command,
		                             .inputs = db->config.inputs,
		                             .guess_inputs = db->config.guess_inputs };
	ret = db_programs_socket_dir(&no_programs, db->config.run_dir, &mode->socket_dir);
	ret = ret ? ret
	          : job_start(&(struct job_setup){ .loop = db->config.loop,
	                                           .run = template_hash,
	                                           .arg = &mode->plan,
	                                           .done = on_hash,
	                                           .done_arg = mode },
	                      &mode->job);
	if (ret) {
		close_mode(db);
		return ret;
	}
	*ret_reason = db_url_where(db->urls);
	return 0;
}

const struct db_mode_ops db_mode_rename = {
	.open = open_mode,
	.prepare = prepare_worker,
	.reset = reset_worker,
	.snapshot = snapshot_worker,
	.end = end_worker,
	.close = close_mode,
	.physical = physical_name,
};
