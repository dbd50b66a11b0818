/* SPDX-License-Identifier: MIT */
/*
 * `berth db pull`: import the databases of the project again, for the next runs. It is what a run
 * in import mode does before its workers start.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/cli/db/db.h"
#include "tools/cli/settings/config.h"
#include "tools/db/db.h"
#include "tools/run/database/role.h"
#include "tools/run/database/setup.h"

struct pull {
	bool over, closed;
	char *failure;
};

static void on_record(void *arg, const struct db_record *record)
{
	(void)arg;
	if (record->kind == DB_RECORD_IMPORT)
		log_line("%s", record->detail);
}

static void on_settled(void *arg, const char *failure)
{
	struct pull *pull = arg;

	pull->over = true;
	pull->failure = str_copy(failure);
}

static void on_closed(void *arg)
{
	((struct pull *)arg)->closed = true;
}

static int pull_into(struct cli *cli, const char *dir)
{
	cleanup_free char *id = str_print("pull-%d", (int)getpid()), *reason = NULL;
	cleanup_free struct db_entry *entries = NULL;
	struct pull pull = { 0 };
	struct db_config config = { .run_id = id,
		                    .project_dir = cli->run.project_dir,
		                    .results_dir = dir,
		                    .run_dir = dir,
		                    .mode = DB_IMPORT,
		                    .role = cli->run.role,
		                    .pull = true,
		                    .import_most_bytes = cli->run.import_most_bytes,
		                    .template_quota_bytes = cli->run.template_quota_bytes,
		                    .record = on_record,
		                    .settled = on_settled,
		                    .arg = &pull };
	struct db *db = NULL;
	int ret = loop_open(&config.loop);

	config.entries = entries = database_entries(&cli->run, false, &config.entry_count);
	ret = ret ? ret : db_open(&config, &db, &reason);
	if (!ret && db_mode_of(db) != DB_IMPORT) {
		pull.over = true; /* and a line has said why */
		pull.failure = str_copy("they are not imported");
	}
	while (!ret && !pull.over)
		ret = loop_step(config.loop, -1);
	if (db)
		db_close(db, on_closed, &pull);
	while (db && !pull.closed && !loop_step(config.loop, -1))
		;
	if (ret || pull.failure)
		log_line("unable to import the databases: %s", pull.failure ? pull.failure
		                                               : reason     ? reason
		                                                            : strerror(-ret));
	ret |= pull.failure != NULL;
	free(pull.failure);
	return ret ? 1 : 0;
}

int db_pull(struct cli *cli)
{
	char dir[] = "/tmp/berth-pull-XXXXXX";
	int status = config_load(cli);
	cleanup_free char *setup = status ? NULL : setup_command(&cli->run);

	if (status)
		return status;
	if (cli->args[1])
		return cli_usage(cli, "'berth db pull' has an argument too many: '%s'",
		                 cli->args[1]);
	if (!cli->run.database_count)
		return cli_usage(cli, "'berth db pull' needs a database: --db URL");
	if (setup) {
		log_line("nothing to pull: the setup command makes the contents, and every run "
		         "reads roles and settings");
		return 1;
	}
	if (!mkdtemp(dir)) {
		log_line("unable to make a directory in /tmp: %s", strerror(errno));
		return 1;
	}
	(void)chmod(dir, 0711);
	status = pull_into(cli, dir);
	(void)dir_remove(dir);
	if (!status)
		printf("imported\n");
	return status;
}
