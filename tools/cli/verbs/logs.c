/* SPDX-License-Identifier: MIT */
/*
 * `berth logs` shows the log of a worker, or of one of its private servers: of a live run, else of
 * a recorded one. With -f it goes on until the worker is over.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/abi.h"
#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/base/str.h"
#include "tools/cli/common/live.h"
#include "tools/cli/common/results.h"
#include "tools/cli/settings/cli.h"
#include "tools/state/environment.h"

enum { LOOK_MS = 500 }; /* how late the end of the worker may be seen */

/* Whose log it is. */
struct log_owner {
	char *results, *dir, *id; /* the directory of results, that of the logs, the run */
	unsigned int worker;
	bool live;
};

/* ---- which worker ---- */

static int find_recorded(const struct cli *cli, const char *id, const char *name,
                         struct log_owner *owner)
{
	struct report_run *run;
	long number;
	int ret = results_load(cli, id, &run, NULL);

	if (ret)
		return ret;
	owner->results = results_dir(cli);
	owner->id = str_copy(json_string_value(json_object_get(run->run, "id")));
	owner->dir = str_print("%s/runs/%s", owner->results, owner->id);
	if (name && str_number(name + (*name == 'w'), 1, BERTH_WORKERS_MAX, &number))
		number = 0;
	for (size_t i = 0; i < run->worker_count && !owner->worker; i++) {
		const struct report_worker *worker = &run->workers[i];

		if (name ? worker->number == number || !strcmp(worker->task, name)
		         : run->worker_count == 1)
			owner->worker = worker->number;
	}
	if (!owner->worker && name)
		log_line("run %s has no worker '%s': it had %zu", owner->id, name,
		         run->worker_count);
	else if (!owner->worker)
		log_line("run %s had %zu workers: choose one with -w N", owner->id,
		         run->worker_count);
	report_run_free(run);
	return owner->worker ? 0 : EXIT_USAGE;
}

/* An environment that is not up. Return: whether there is one. */
static bool find_environment(const struct cli *cli, const char *name, struct log_owner *owner)
{
	cleanup_free char *results = results_dir(cli);
	struct run_state run;

	if (!name || !environment_is_name(name) || environment_load(results, name, &run))
		return false;
	*owner = (struct log_owner){ steal(&results), steal(&run.log_dir), steal(&run.id), 1,
		                     false };
	state_free(&run);
	return true;
}

static int find_owner(const struct cli *cli, struct log_owner *owner)
{
	const char *name = cli->worker;
	cleanup_free char *given = cli->run_id ? NULL : live_run_of(&name);
	const char *id = cli->run_id ? cli->run_id : given;
	const struct state_worker *worker;
	struct run_state run = { 0 };
	int ret;

	if (!id && find_environment(cli, name, owner))
		return 0;
	ret = live_find(id ? id : name && environment_is_name(name) ? name : NULL, &run);
	if (ret == -ENOENT && !id)
		ret = live_find(NULL, &run);
	if (ret == -ENOENT || ret == -ESRCH)
		return find_recorded(cli, id, name, owner);
	if (ret)
		return live_missing(id, ret);
	state_free(&run);
	ret = live_worker(cli->run_id, cli->worker, &run, &worker);
	if (ret)
		return ret;
	*owner = (struct log_owner){ str_copy(run.results_dir), str_copy(run.log_dir),
		                     str_copy(run.id), worker->number, true };
	state_free(&run);
	return 0;
}

static bool is_over(const struct log_owner *owner)
{
	struct run_state run = { 0 };
	bool over = true;

	if (!owner->live || live_find(owner->id, &run))
		return true;
	for (size_t i = 0; i < run.worker_count; i++)
		if (run.workers[i].number == owner->worker)
			over = run.workers[i].status == STATE_PASSED ||
			       run.workers[i].status == STATE_FAILED;
	state_free(&run);
	return over;
}

/* ---- its log ---- */

/* Return: the path, the caller's to free; NULL = there is none (yet). */
static char *find_log(const struct log_owner *owner, const char *server)
{
	cleanup_free char *log = NULL;
	/* the servers of a run without a directory have their logs in that of all runs */
	const char *const dirs[] = { owner->dir, owner->results };
	char *path = NULL;

	log = server ? str_print("w%u.%s*.log", owner->worker, server)
	             : str_print("w%u.log", owner->worker);
	for (size_t i = 0; i < ARRAY_LEN(dirs) && !path; i++) {
		cleanup_free char *pattern = str_print("%s/%s", dirs[i], log);
		glob_t found;

		if (!server && i)
			break;
		if (glob(pattern, 0, NULL, &found))
			continue;
		path = str_copy(found.gl_pathv[0]);
		globfree(&found);
	}
	return path;
}

/* Copy what has been written since. */
static int show(int fd)
{
	char data[65536];
	ssize_t got;
	int ret = 0;

	while (!ret && (got = read(fd, data, sizeof(data))) > 0)
		ret = file_write_all(STDOUT_FILENO, data, (size_t)got);
	return ret;
}

/* Return: the log; -1 = there is none. */
static int follow(const struct log_owner *owner, const char *server, int fd)
{
	cleanup_close int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd poller = { changes, POLLIN, 0 };
	bool over = false;

	(void)inotify_add_watch(changes, owner->dir, IN_MODIFY | IN_CREATE);
	while (!over) {
		char events[4096];
		cleanup_free char *path = fd < 0 ? find_log(owner, server) : NULL;

		(void)poll(&poller, 1, LOOK_MS);
		(void)!read(changes, events, sizeof(events));
		over = is_over(owner); /* before the last look, so that nothing is missed */
		if (path)
			fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && show(fd))
			break;
	}
	return fd;
}

int verb_logs(struct cli *cli)
{
	struct log_owner owner = { 0 };
	cleanup_close int fd = -1;
	int ret;
	cleanup_free char *path = NULL;

	live_take_name(cli);
	ret = find_owner(cli, &owner);
	if (!ret)
		path = find_log(&owner, cli->server);
	if (path)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)show(fd);
	if (!ret && cli->follow)
		fd = follow(&owner, cli->server, fd);
	if (!ret && fd < 0) {
		ret = 1;
		if (cli->server)
			log_line("w%u of run %s has no log of a private server '%s'", owner.worker,
			         owner.id, cli->server);
		else
			log_line("w%u of run %s has no log: one worker alone writes to its "
			         "terminal",
			         owner.worker, owner.id);
	}
	free(owner.results);
	free(owner.dir);
	free(owner.id);
	return ret;
}
