/* SPDX-License-Identifier: MIT */
/* `berth explain PORT|PROGRAM`: decides which of the two the argument is. */
#include "tools/cli/explain/explain.h"

#include <errno.h>

#include "tools/cli/settings/cli.h"

int verb_explain(struct cli *cli)
{
	long port;
	int ret = str_number(cli->args[0], 1, 65535, &port);

	if (ret == -ERANGE)
		return cli_usage(cli, "expected a port from 1 to 65535 or a program, got '%s'",
		                 cli->args[0]);
	return ret ? explain_program(cli, cli->args[0]) : explain_port(cli, (unsigned int)port);
}
