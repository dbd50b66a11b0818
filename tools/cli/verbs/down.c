/* SPDX-License-Identifier: MIT */
/* `berth down` ends an environment. What it has kept stays for the next `berth up`. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/cli/common/live.h"
#include "tools/cli/common/results.h"
#include "tools/db/private/private.h"
#include "tools/state/environment.h"
#include "tools/state/reap.h"
#include "tools/state/recover.h"

enum { LOOK_MS = 10, ENDING_MAX_MS = 20000 };

/* Return: 0, also if it is not up; -errno. */
static int end(const char *name, char **results)
{
	struct run_state run;
	int ret = live_find(name, &run);

	if (ret)
		return ret == -ENOENT || ret == -ESRCH ? reap_runs(false, NULL) : ret;
	if (!str_equal(run.name, name)) { /* @name is a run's id by chance */
		state_free(&run);
		return 0;
	}
	free(*results); /* it may be of another project */
	*results = str_copy(run.results_dir);
	ret = recover_one(&run);
	if (!ret)
		printf("%s: ended\n", name);
	state_free(&run);
	return ret;
}

/* Wait until the supervisor has ended, too, so that the next `berth up` finds the name free. */
static int finish(const struct cli *cli, const char *name, const char *results)
{
	cleanup_free char *dir = environment_dir(results, name), *key = NULL;
	int64_t due_ms = clock_ms() + ENDING_MAX_MS;
	cleanup_close int lock = -1;
	int ret;

	while ((ret = environment_lock(results, name, &lock)) == -EBUSY && clock_ms() < due_ms)
		poll(NULL, 0, LOOK_MS);
	if (ret || !cli->purge)
		return ret;
	key = environment_key(dir);
	ret = private_environment_remove(key);
	return ret ? ret : dir_remove(dir);
}

int verb_down(struct cli *cli)
{
	cleanup_free char *name = cli->args ? str_copy(cli->args[0]) : live_default_name();
	cleanup_free char *results = results_dir(cli), *dir = NULL;
	int ret;

	if (!environment_is_name(name))
		return cli_usage(cli, "expected the name of an environment, got '%s'", name);
	ret = end(name, &results);
	if (ret == -ENOTUNIQ) {
		log_line("several projects have an environment '%s'", name);
		log_hint("go into the directory of the one that is meant: berth ps");
		return 1;
	}
	dir = environment_dir(results, name);
	if (!ret && access(dir, F_OK)) {
		log_line("this project has no environment '%s'", name);
		log_hint("berth ps");
		return 1;
	}
	ret = ret ? ret : finish(cli, name, results);
	if (ret)
		log_line("unable to end environment '%s': %s", name, strerror(-ret));
	return ret ? 1 : 0;
}
