/* SPDX-License-Identifier: MIT */
/*
 * The live run that a verb is about: that of an id, the only one, else the only one of this
 * project.
 */
#include "tools/cli/common/live.h"

#include <errno.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/base/str.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/settings/project.h"
#include "tools/process/owner.h"
#include "tools/state/runtime.h"

/* Several runs are live: load that of this project, if it is the only one. */
static int load_own(struct run_state *ret_run)
{
	cleanup_free char *config = project_config("berth.yaml"), *project = project_find(config),
			  *id = NULL;
	struct run_state *runs = NULL;
	unsigned int found = 0;
	size_t count = 0;
	int ret = state_list(&runs, &count);

	for (size_t i = 0; !ret && i < count; i++)
		if (runs[i].alive && str_equal(runs[i].project_dir, project) && !found++)
			id = str_copy(runs[i].id);
	if (!ret)
		state_list_free(runs, count);
	if (ret)
		return ret;
	return found == 1 ? state_load(id, ret_run) : -ENOTUNIQ;
}

int live_find(const char *id, struct run_state *ret_run)
{
	int ret = state_load(id, ret_run);

	if (ret == -ENOTUNIQ)
		return load_own(ret_run);
	if (ret || ret_run->alive)
		return ret;
	state_free(ret_run);
	return -ESRCH;
}

int live_missing(const char *id, int error)
{
	if (error == -ENOTUNIQ) {
		log_line("several runs are live");
		log_hint("berth ps lists them; --run ID chooses one");
	} else if (error == -ENOENT && id) {
		log_line("no run '%s'", id);
		log_hint("berth ps");
	} else if (error == -ENOENT) {
		log_line("no run is live");
	} else if (error == -ESRCH) {
		log_line("run '%s' is dead: its supervisor was killed", id);
		log_hint("berth reap");
	} else {
		log_line("unable to read the state of the run: %s", strerror(-error));
	}
	return 1;
}

static const struct state_worker *find_named(const struct run_state *run, const char *name)
{
	const struct state_worker *found = NULL;
	long number;

	if (str_number(name + (*name == 'w'), 1, (long)run->worker_count, &number))
		number = 0;
	for (size_t i = 0; i < run->worker_count && !found; i++)
		if (run->workers[i].number == number || !strcmp(run->workers[i].task, name))
			found = &run->workers[i];
	return found;
}

char *live_run_of(const char **name)
{
	const char *dot = *name ? strchr(*name, '.') : NULL;
	cleanup_free char *run = dot ? str_copy_len(*name, (size_t)(dot - *name)) : NULL;

	if (!run || !runtime_is_id(run))
		return NULL;
	*name = dot + 1;
	return steal(&run);
}

int live_worker(const char *run_id, const char *name, struct run_state *ret_run,
                const struct state_worker **ret_worker)
{
	cleanup_free char *prefix = run_id ? NULL : live_run_of(&name), *own_name = NULL;
	unsigned int own = 0;
	int ret;

	if (prefix)
		run_id = prefix;
	if (!run_id && (run_id = owner_of_self(&own)) && own && !name)
		name = own_name = str_print("%u", own);
	ret = live_find(run_id, ret_run);
	if (ret)
		return live_missing(run_id, ret);
	*ret_worker = name                         ? find_named(ret_run, name)
	              : ret_run->worker_count == 1 ? ret_run->workers
	                                           : NULL;
	if (*ret_worker)
		return 0;
	if (name)
		log_line("run %s has no worker '%s': it has %zu", ret_run->id, name,
		         ret_run->worker_count);
	else
		log_line("run %s has %zu workers: choose one with -w N", ret_run->id,
		         ret_run->worker_count);
	log_hint("berth ps");
	state_free(ret_run);
	return EXIT_USAGE;
}
