/* SPDX-License-Identifier: MIT */
/* `berth run`: read the settings, the command and the tasks, and hand them to tools/run. */
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/settings/config.h"
#include "tools/cli/verbs/rerun.h"
#include "tools/run/tasks/source.h"

/* --each-file on the command line replaces `each` of berth.yaml. */
static void drop_other_sources(struct cli *cli)
{
	static const enum option_id sources[] = { OPTION_each, OPTION_each_file,
		                                  OPTION_each_command };
	enum layer layer = LAYER_DEFAULT;

	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (cli->set_by[sources[i]].layer > layer)
			layer = cli->set_by[sources[i]].layer;
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (cli->set_by[sources[i]].layer < layer)
			option_clear(cli, &option_table[sources[i]]);
}

/* @error: a whole message, perhaps with a second line that is a hint; released here. */
static int refuse(char *error)
{
	char *hint = strstr(error, "\nhint: ");

	if (hint)
		*hint = 0;
	log_line("%s", error);
	if (hint)
		log_hint("%s", hint + strlen("\nhint: "));
	free(error);
	return EXIT_USAGE;
}

/* Find the tasks, and leave those that this run has. Return: 0; the exit status, *ret_over set. */
static int choose_tasks(struct cli *cli, bool *ret_over)
{
	struct run_options *run = &cli->run;
	char *error = NULL;
	int ret;

	drop_other_sources(cli);
	if (tasks_find(run, &error) || tasks_take_part(run, environ, &error))
		return refuse(error);
	if (!cli->last_failed)
		return 0;
	ret = rerun_choose(cli);
	*ret_over = !ret && !run->tasks[0];
	return ret;
}

int verb_run(struct cli *cli)
{
	bool over = false;
	int ret = cli->help_all ? cli_usage(cli, "--all is only for --help") : config_load(cli);

	if (ret)
		return ret;
	if (cli->args) {
		strv_free(cli->run.command);
		cli->run.command = cli->args;
		cli->args = NULL;
	}
	if (!cli->run.command)
		return cli_usage(cli, "a command to run is missing");
	ret = choose_tasks(cli, &over);
	if (ret || over)
		return ret;
	rerun_estimate(cli);
	return run_main(&cli->run);
}
