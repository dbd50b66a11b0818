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
#include "tools/cli/settings/project.h"

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
