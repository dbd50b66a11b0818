/* SPDX-License-Identifier: MIT */
/* `berth mark NAME`: tell the run that this process is part of which test it is in. Outside a run it does nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/cli/cli.h"
#include "tools/watch/watch.h"

int verb_mark(struct cli *cli)
{
	const char *run = getenv("BERTH_RUN"), *number = getenv("BERTH_WORKER");
	cleanup_free char *runtime = NULL, *dir = NULL;
	long worker;
	int ret;

	if (!run || !number || str_number(number, 1, BERTH_WORKERS_MOST, &worker))
		return 0; /* a suite that marks its tests also runs without Berth */
	ret = dir_runtime(&runtime);
	if (!ret) {
		dir = str_print("%s/%s", runtime, run);
		ret = watch_mark_send(dir, (unsigned int)worker, cli->args[0]);
	}
	if (!ret)
		return 0;
	log_line("unable to mark '%s' in run '%s': %s", cli->args[0], run, strerror(-ret));
	return 1;
}
