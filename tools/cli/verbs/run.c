/* SPDX-License-Identifier: MIT */
/* `berth run`: read the settings and the command, and hand them to tools/run. */
#include <stdlib.h>

#include "tools/cli/verbs/rerun.h"
#include "tools/cli/settings/config.h"

int verb_run(struct cli *cli)
{
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
	if (cli->last_failed) {
		ret = rerun_choose(cli);
		if (ret || !cli->run.tasks[0])
			return ret;
	}
	rerun_estimate(cli);
	return run_main(&cli->run);
}
