/* SPDX-License-Identifier: MIT */
/*
 * The workers of the run. Which processes of a worker are alive is known by its cgroup, nested ones
 * included: no process leaves it by forking or by changing its session. Without a cgroup, by
 * BERTH_RUN and BERTH_WORKER in the environment that a process started with, and by descent.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/watch/model/private.h"

enum { NESTED_CGROUPS_MAX = 8 };

void worker_open_all(struct watch_model *model)
{
	for (unsigned int i = 0; i <= BERTH_WORKERS_MAX; i++)
		model->workers[i] = (struct watch_worker){ .number = i, .cgroup = -1 };
}

void worker_close_all(struct watch_model *model)
{
	for (unsigned int i = 0; i <= BERTH_WORKERS_MAX; i++)
		free(model->workers[i].task);
}

struct watch_worker *model_worker_begin(struct watch_model *model, unsigned int number,
                                        const char *task)
{
	struct watch_worker *worker;

	if (!number || number > BERTH_WORKERS_MAX)
		return NULL;
	worker = &model->workers[number];
	free(worker->task);
	worker->task = str_copy(task);
	worker->begun = true;
	if (number > model->worker_max)
		model->worker_max = number;
	return worker;
}

struct watch_worker *model_worker(struct watch_model *model, unsigned int number)
{
	return &model->workers[number];
}

struct watch_worker *model_worker_next(struct watch_model *model, const struct watch_worker *worker)
{
	for (unsigned int i = worker ? worker->number + 1 : 1; i <= model->worker_max; i++)
		if (model->workers[i].begun && !model->workers[i].ended)
			return &model->workers[i];
	return NULL;
}

uint16_t model_virtual_port(struct watch_model *model, unsigned int worker, uint16_t port)
{
	const struct berth_portmap *map = model->workers[worker].map;

	return map ? berth_portmap_virtual(map, port) : port;
}

/* ---- its processes ---- */

static void add_alive(struct pids *pids, pid_t pid)
{
	if (proc_is_alive(pid))
		pids_add(pids, pid);
}

static void add_cgroup(struct pids *pids, int cgroup, int depth)
{
	cleanup_free char *text = NULL;
	cleanup_dir DIR *entries = NULL;
	struct dirent *entry;
	int fd;

	if (!file_read_at(cgroup, "cgroup.procs", &text, NULL))
		for (char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
			if (atoi(at) > 0)
				add_alive(pids, atoi(at));
	fd = openat(cgroup, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	entries = fd < 0 ? NULL : fdopendir(fd);
	while (entries && depth && (entry = readdir(entries))) {
		cleanup_close int nested = -1;

		if (entry->d_type != DT_DIR || *entry->d_name == '.')
			continue;
		nested = openat(cgroup, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (nested >= 0)
			add_cgroup(pids, nested, depth - 1);
	}
}

struct process_search {
	struct pids *pids;
	const char *run_id;
	const struct watch_worker *worker;
};

/* /proc lists processes by pid, so a parent mostly comes before its children. */
static bool visit(void *arg, pid_t pid)
{
	const struct process_search *search = arg;
	const struct watch_worker *worker = search->worker;
	struct proc_stat stat;

	if (!proc_read_stat(pid, &stat) &&
	    (pid == worker->pid || pids_has(search->pids, stat.ppid) ||
	     owner_is(pid, search->run_id, worker->number)))
		add_alive(search->pids, pid);
	return true;
}

void model_worker_processes(struct watch_model *model, const struct watch_worker *worker,
                            struct pids *ret_pids)
{
	struct process_search search = { ret_pids, model->run_id, worker };

	if (worker->cgroup >= 0)
		add_cgroup(ret_pids, worker->cgroup, NESTED_CGROUPS_MAX);
	else
		(void)proc_each(visit, &search);
}
