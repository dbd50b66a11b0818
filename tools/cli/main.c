/* SPDX-License-Identifier: MIT */
/* berth: parse, dispatch, exit. What a verb does is in VERB.c; what it accepts is in verbs.def and
 * options.def. */
#include "tools/base/log.h"
#include "tools/cli/cli.h"
#include "tools/cli/help.h"

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	int status = cli_parse(&cli, argc, argv);

	log_verbosity = (int)cli.verbose;
	if (!status)
		status = cli.help ? help_verb(cli.verb) : cli.verb->run(&cli);
	cli_free(&cli);
	return status;
}
