/* SPDX-License-Identifier: MIT */
/*
 * `berth recover` ends all runs and removes what they left. Then it drops the databases of dead
 * runs, on the servers that the settings name. All supervisors are gone by then, so their leases
 * are free. If the settings cannot be read, recover still ends the runs and reports the databases
 * as unknown.
 */
#include "tools/state/recover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/json.h"
#include "tools/base/log.h"
#include "tools/cli/common/term.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/settings/config.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/servers.h"
#include "tools/process/owner.h"

/*
 * True if @owned belongs to a run that recover ends. In a dry run, that run still holds its lease.
 */
static bool is_doomed(const struct owned_database *owned, const struct recovery *recovery,
                      bool dry_run)
{
	if (owned->is_template || owned->kept)
		return false;
	return !owned->alive || (dry_run && owned->run && strv_has(recovery->ids, owned->run));
}

static void drop_dead(const struct server_view *view, const struct run_options *options,
                      struct recovery *recovery)
{
	for (size_t i = 0; i < view->owned.count; i++) {
		const struct owned_database *owned = &view->owned.list[i];
		cleanup_free char *why = NULL;
		int ret;

		if (!is_doomed(owned, recovery, options->dry_run))
			continue;
		ret = options->dry_run ? 0
		                       : owned_drop(view->database, options->project_dir,
		                                    owned->physical, &why);
		if (!ret)
			strv_own(&recovery->actions,
			         str_print("%s: %s database %s", view->owned.where,
			                   options->dry_run ? "drop" : "dropped", owned->physical));
		else if (ret != -ENOENT) /* -ENOENT: another process dropped it first */
			strv_own(&recovery->leftovers,
			         str_print("%s: database %s: %s", view->owned.where,
			                   owned->physical, why ? why : strerror(-ret)));
	}
}

static void recover_databases(const struct run_options *options, struct recovery *recovery)
{
	struct server_view *views;
	size_t count = servers_look(options, &views);

	for (size_t i = 0; i < count; i++) {
		if (!views[i].error)
			drop_dead(&views[i], options, recovery);
		else if (views[i].error != -ENOTCONN) /* no server, no sessions to end */
			strv_own(&recovery->leftovers,
			         str_print(
					 "%s: unknown, the server cannot be queried: %s",
					 views[i].owned.where ? views[i].owned.where : "a database",
					 views[i].why ? views[i].why : strerror(-views[i].error)));
	}
	servers_free(views, count);
	if (options->dry_run)
		return;
	count = servers_look(options, &views); /* list again what is left */
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < views[i].owned.count; j++) {
			const struct owned_database *owned = &views[i].owned.list[j];

			if (is_doomed(owned, recovery, false) ||
			    (owned->alive && owned->run && strv_has(recovery->ids, owned->run)))
				strv_own(&recovery->leftovers,
				         str_print("%s: database %s (%s)", views[i].owned.where,
				                   owned->physical, servers_state(owned)));
		}
	servers_free(views, count);
}

static void print_text(const struct recovery *recovery, bool dry_run)
{
	for (char **line = recovery->actions; line && *line; line++)
		term_printf("%s%s\n", dry_run ? "would do: " : "", *line);
	if (!recovery->actions)
		printf("nothing to recover\n");
	fflush(stdout);
	for (char **line = recovery->leftovers; line && *line; line++)
		log_line("left: %s", *line);
	if (recovery->leftovers)
		log_hint("another user's runs need that user or root: sudo berth "
		         "recover");
}

int verb_recover(struct cli *cli)
{
	struct recovery recovery;
	const char *inside = owner_of_self(NULL);
	int ret;

	if (inside) {
		log_line("unable to recover inside a worker: it would end its own run %s", inside);
		log_hint("run berth recover in a shell outside the run");
		return 1;
	}
	ret = recover_runs(cli->run.dry_run, &recovery);
	if (ret) {
		log_line("unable to list runs: %s", strerror(-ret));
		return 1;
	}
	if (config_load(cli))
		strv_add(&recovery.leftovers, "databases: unknown, the settings cannot be read");
	else
		recover_databases(&cli->run, &recovery);
	if (cli->json)
		output_json(json_pack("{s:b, s:o, s:o}", "dry_run", cli->run.dry_run, "did",
		                      json_texts(recovery.actions), "left",
		                      json_texts(recovery.leftovers)));
	else
		print_text(&recovery, cli->run.dry_run);
	ret = recovery.leftovers ? 1 : 0;
	recovery_free(&recovery);
	return ret;
}
