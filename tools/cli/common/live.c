/* SPDX-License-Identifier: MIT */
/*
 * The live run that a verb is about: that of an id or a name, the only one, else the only one of
 * this project.
 */
#include "tools/cli/common/live.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/base/str.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/settings/project.h"
#include "tools/process/owner.h"
#include "tools/state/environment.h"
#include "tools/state/runtime.h"

/* The run or environment that is meant: @id, else any. Of several, this project's only one. */
int live_find(const char *id, struct run_state *ret_run)
{
	cleanup_free char *config = project_config("berth.yaml"), *project = project_find(config);
	struct run_state *runs = NULL, *found = NULL;
	unsigned int alive = 0, own = 0, dead = 0;
	size_t count = 0;
	int ret = state_list(&runs, &count);

	for (size_t i = 0; !ret && i < count; i++) {
		bool here = str_equal(runs[i].project_dir, project);

		if (id && strcmp(id, runs[i].id) && !str_equal(id, runs[i].name))
			continue;
		dead += !runs[i].alive;
		if (runs[i].alive && (!alive || (here && !own)))
			found = &runs[i];
		alive += runs[i].alive;
		own += runs[i].alive && here;
	}
	if (!ret && alive != 1 && own != 1)
		ret = alive ? -ENOTUNIQ : id && dead ? -ESRCH : -ENOENT;
	if (!ret) {
		*ret_run = *found;
		*found = (struct run_state){ 0 };
	}
	state_list_free(runs, count);
	return ret;
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

void live_take_name(struct cli *cli)
{
	if (cli->args && !cli->worker)
		cli->worker = str_copy(cli->args[0]);
}

int live_worker(const char *run_id, const char *name, struct run_state *ret_run,
                const struct state_worker **ret_worker)
{
	cleanup_free char *prefix = run_id ? NULL : live_run_of(&name), *own_name = NULL;
	unsigned int own = 0;
	int ret;

	if (name && !run_id && !prefix && environment_is_name(name) && !live_find(name, ret_run)) {
		*ret_worker = ret_run->workers;
		if (ret_run->worker_count)
			return 0;
		state_free(ret_run);
	}
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

/* Return: the branch that is checked out in @top; NULL if there is none. */
static char *branch_of(const char *top)
{
	cleanup_free char *git = str_print("%s/.git", top), *path = str_print("%s/HEAD", git);
	cleanup_free char *link = NULL, *head = NULL;
	static const char word[] = "gitdir: ", ref[] = "ref: refs/heads/";

	/* a linked work tree has a file that names its directory, gitrepository-layout(5) */
	if (!file_read(git, &link, NULL) && str_starts(link, word)) {
		const char *dir = link + strlen(word);

		free(path);
		path = str_print("%s%s%.*s/HEAD", *dir == '/' ? "" : top, *dir == '/' ? "" : "/",
		                 (int)strcspn(dir, "\n"), dir);
	}
	if (file_read(path, &head, NULL) || !str_starts(head, ref))
		return NULL;
	return str_copy_len(head + strlen(ref), strcspn(head + strlen(ref), "\n"));
}

char *live_default_name(void)
{
	cleanup_free char *top = project_find(NULL), *branch = branch_of(top), *name = NULL;
	const char *from = branch ? branch : strrchr(top, '/') + 1;

	name = str_copy_len(from, strnlen(from, ENVIRONMENT_NAME_MAX));
	for (char *at = name; *at; at++)
		if (!isalnum((unsigned char)*at) && (!strchr("._-", *at) || at == name))
			*at = at == name ? 'x' : '-';
	return environment_is_name(name) ? steal(&name) : str_print("env-%.32s", name);
}
