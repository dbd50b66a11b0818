/* SPDX-License-Identifier: MIT */
/*
 * Any other server, by the commands in berth.yaml. It is a program of the project: it runs as the
 * user of the run, in the project directory, with the environment of `berth run`. Its data
 * directory is empty at first.
 *
 *	BERTH_PORT	where to listen, on loopback
 *	BERTH_DIR	its data directory
 *	BERTH_RUN	the run; `berth reap` finds leftover processes by it
 */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/db/engine/engine.h"

static char *stamp(const struct db_programs *programs)
{
	(void)programs;
	return str_copy("");
}

static int build(const struct engine_build *build, struct str *ret_text)
{
	(void)ret_text;
	return mkdir(build->data, 0700) ? -errno : 0;
}

static char **command_line(const struct instance_params *params)
{
	return strv_of("/bin/sh", "-c", params->spec->start);
}

static char *open_command(const struct db_programs *programs, const struct db_url *url,
                          const char *data)
{
	cleanup_free char *where = str_shell_word(data);

	(void)programs;
	(void)url;
	return str_print("ls %s", where);
}

const struct db_engine db_engine_command = {
	.name = "command",
	.busy = "ddress already in use",
	.stop_clean = SIGTERM,
	.stop_now = SIGTERM,
	.of_project = true,
	.stamp = stamp,
	.build = build,
	.command_line = command_line,
	.open_command = open_command,
};
