/* SPDX-License-Identifier: MIT */
/* `berth reap` removes what dead runs left behind, and prints a line for each thing. */
#include "tools/state/reap.h"

#include <stdio.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/common/term.h"
#include "tools/cli/settings/cli.h"

int verb_reap(struct cli *cli)
{
	cleanup_strv char **list = NULL;
	int ret = reap_runs(cli->run.dry_run, &list);

	for (char **line = list; line && *line; line++)
		term_printf("%s%s\n", cli->run.dry_run ? "would remove " : "removed ", *line);
	if (!list && !ret)
		printf("nothing to reap\n");
	if (!ret)
		return 0;
	fflush(stdout);
	log_line("unable to remove everything: %s", strerror(-ret));
	log_hint("another user's files need that user or root: sudo berth reap");
	return 1;
}
