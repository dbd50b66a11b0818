/* SPDX-License-Identifier: MIT */
/*
 * `berth db list` and `berth db drop` work on the databases that Berth owns on the project's
 * servers. `berth db reset` and `berth db snapshot` ask the supervisor of a live run to reset or
 * copy the databases of one worker.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/abi.h"
#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/cli/db/db.h"
#include "tools/cli/common/live.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/term.h"
#include "tools/db/template/snapshot.h"
#include "tools/process/owner.h"
#include "tools/run/database/control.h"

static void print_view(const struct server_view *view)
{
	struct term_table table = { .indent = 2 };

	term_printf("%s\n", view->owned.where);
	for (size_t i = 0; i < view->owned.count; i++) {
		const struct owned_database *owned = &view->owned.list[i];

		term_cell(&table, owned->physical);
		term_cell(&table, servers_state(owned));
		term_cell_own(&table, db_size(owned->size_bytes));
		term_cell_own(&table, db_age(owned->heartbeat_s));
		if (owned->run)
			term_cellf(&table, "%s of run %s, w%u on %s",
			           owned->logical ? owned->logical : "-", owned->run, owned->worker,
			           owned->host && *owned->host ? owned->host : "-");
		else
			term_cell(&table, "-");
		term_row(&table);
	}
	if (!view->owned.count)
		printf("  no database of Berth\n");
	term_print(&table);
}

static json_t *json_view(const struct server_view *view)
{
	json_t *list = json_array();

	for (size_t i = 0; i < view->owned.count; i++) {
		const struct owned_database *owned = &view->owned.list[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s?, s:s, s:s?, s:i, s:s?, s:s?, s:I, s:I}",
		                        "physical", owned->physical, "logical", owned->logical,
		                        "state", servers_state(owned), "run", owned->run, "worker",
		                        (int)owned->worker, "task", owned->task, "host",
		                        owned->host, "heartbeat", (json_int_t)owned->heartbeat_s,
		                        "size_bytes", (json_int_t)owned->size_bytes));
	}
	return json_pack("{s:s?, s:b, s:s?, s:o}", "server", view->owned.where, "answers",
	                 view->error != -ENOTCONN, "error", view->error ? view->why : NULL,
	                 "databases", list);
}

static int list(struct cli *cli, const struct server_view *views, size_t count)
{
	json_t *array = json_array();
	int status = 0;

	if (strv_len(cli->args) > 1) {
		json_decref(array);
		return cli_usage(cli, "'berth db list' has an argument too many: '%s'",
		                 cli->args[1]);
	}
	for (size_t i = 0; i < count; i++) {
		status |= views[i].error && views[i].error != -ENOTCONN;
		if (cli->json)
			json_array_append_new(array, json_view(&views[i]));
		else if (!views[i].error)
			print_view(&views[i]);
		else
			term_printf("%s: %s\n",
			            views[i].owned.where ? views[i].owned.where : "a database",
			            views[i].why ? views[i].why : strerror(-views[i].error));
	}
	if (cli->json)
		output_json(json_incref(array));
	else if (!count)
		printf("the project names no PostgreSQL database\n");
	json_decref(array);
	return status;
}

static const struct owned_database *find(const struct server_view *views, size_t count,
                                         const char *name, const struct server_view **ret_view)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < views[i].owned.count; j++)
			if (!strcmp(views[i].owned.list[j].physical, name)) {
				*ret_view = &views[i];
				return &views[i].owned.list[j];
			}
	return NULL;
}

static int drop_one(const struct cli *cli, const struct server_view *views, size_t count,
                    const char *name)
{
	const struct server_view *view = NULL;
	const struct owned_database *owned = find(views, count, name, &view);
	cleanup_free char *why = NULL;
	int ret = 0;

	if (!owned) {
		log_line("unable to drop database '%s': Berth owns no such database", name);
		log_hint("berth db list");
		return 1;
	}
	if (owned->alive)
		ret = -EBUSY;
	else if (!cli->run.dry_run)
		ret = owned_drop(view->database, cli->run.project_dir, name, &why);
	if (!ret) {
		term_printf("%s %s\n", cli->run.dry_run ? "would drop" : "dropped", name);
		return 0;
	}
	fflush(stdout);
	log_line("unable to drop database '%s': %s", name,
	         ret == -EBUSY ? "its run is still live"
	         : why         ? why
	                       : strerror(-ret));
	if (ret == -EBUSY)
		log_hint("wait until run %s ends, or end it: berth recover",
		         owned->run ? owned->run : "-");
	return 1;
}

static int drop(struct cli *cli, const struct server_view *views, size_t count)
{
	int status = 0;

	if (!cli->args[1])
		return cli_usage(cli, "'berth db drop' needs an argument: NAME...");
	for (char **name = cli->args + 1; *name; name++)
		status |= drop_one(cli, views, count, *name);
	return status;
}

/*
 * Send a request about one worker to the supervisor.
 * @failure	for the error message: what could not be done, up to the word "worker"
 */
static int ask_run(struct cli *cli, const char *word, const char *name, const char *failure)
{
	cleanup_free char *text = NULL;
	const struct state_worker *worker;
	struct run_state run = { 0 };
	int ret = live_worker(cli->run_id, cli->worker, &run, &worker);

	if (ret)
		return ret;
	ret = control_ask(run.dir, word, worker->number, name, &text);
	if (ret)
		log_line("unable to %s worker %u in run %s: %s", failure, worker->number, run.id,
		         text             ? text
		         : ret == -ENOENT ? "the run has none"
		                          : strerror(-ret));
	state_free(&run);
	return ret ? 1 : 0;
}

/* Check the name before asking for a run, so that a bad name is an error without one, too. */
static int check_snapshot(const struct cli *cli, const char *name)
{
	cleanup_free char *refusal = name && !snapshot_named(name) ? snapshot_refusal(name, -EINVAL)
	                                                           : NULL;

	return refusal ? cli_usage(cli, "%s", refusal) : 0;
}

static int reset(struct cli *cli)
{
	if (cli->args[1] && cli->args[2])
		return cli_usage(cli, "'berth db reset' has an argument too many: '%s'",
		                 cli->args[2]);
	return check_snapshot(cli, cli->args[1])
	               ? EXIT_USAGE
	               : ask_run(cli, "reset", cli->args[1], "reset the databases of");
}

static int snapshot(struct cli *cli)
{
	if (!cli->args[1])
		return cli_usage(cli, "'berth db snapshot' needs an argument: NAME");
	if (cli->args[2])
		return cli_usage(cli, "'berth db snapshot' has an argument too many: '%s'",
		                 cli->args[2]);
	return check_snapshot(cli, cli->args[1]) ? EXIT_USAGE
	                                         : ask_run(cli, "snapshot", cli->args[1],
	                                                   "take a snapshot of the databases of");
}

static int list_all(struct cli *cli)
{
	return db_on_servers(cli, list);
}

static int drop_named(struct cli *cli)
{
	return db_on_servers(cli, drop);
}

int verb_db(struct cli *cli)
{
	static const struct {
		const char *name;
		int (*run)(struct cli *cli);
	} actions[] = { { "list", list_all }, { "drop", drop_named },
		        { "reset", reset },   { "snapshot", snapshot },
		        { "pull", db_pull },  { "template", db_template } };

	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (!strcmp(actions[i].name, cli->args[0]))
			return actions[i].run(cli);
	return cli_usage(cli, "expected list, drop, reset, snapshot, pull or template, got '%s'",
	                 cli->args[0]);
}
