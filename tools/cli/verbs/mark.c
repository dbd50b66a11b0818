/* SPDX-License-Identifier: MIT */
/*
 * `berth mark NAME`: tell the run of this process which test it runs. Outside a run it does
 * nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/log.h"
#include "tools/cli/settings/cli.h"
#include "tools/process/owner.h"
#include "tools/watch/watch.h"

int verb_mark(struct cli *cli)
{
	const char *path = getenv("BERTH_MARK");
	unsigned int worker;
	int ret;

	(void)owner_of_self(&worker);
	if (!path || !worker)
		return 0; /* a suite that marks its tests also runs without Berth */
	ret = watch_mark_send(path, worker, cli->args[0]);
	if (!ret)
		return 0;
	log_line("unable to mark '%s' by '%s': %s", cli->args[0], path, strerror(-ret));
	return 1;
}
