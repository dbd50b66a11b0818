/* SPDX-License-Identifier: MIT */
/*
 * Which processes of a worker are alive: by its cgroup, nested ones included, which no process can leave by forking or by
 * changing its session; without a cgroup by the BERTH_RUN and BERTH_WORKER that its environment began with, and by descent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/watch/model/model.h"

struct process_list {
	pid_t *pids;
	size_t count;
	const struct watch *watch;
	const struct watch_worker *worker;
};

static void add(struct process_list *list, pid_t pid)
{
	struct proc_stat stat;

	if (proc_read_stat(pid, &stat) || stat.state == 'Z' || stat.state == 'X')
		return;
	list->pids = mem_grow(list->pids, list->count + 1, sizeof(pid_t));
	list->pids[list->count++] = pid;
}

static void add_cgroup(struct process_list *list, int cgroup, int depth)
{
	cleanup_free char *text = NULL;
	cleanup_dir DIR *entries = NULL;
	struct dirent *entry;
	int fd;

	if (!file_read_at(cgroup, "cgroup.procs", &text, NULL))
		for (char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
			if (atoi(at) > 0)
				add(list, atoi(at));
	fd = openat(cgroup, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	entries = fd < 0 ? NULL : fdopendir(fd);
	while (entries && depth && (entry = readdir(entries))) {
		int below;

		if (entry->d_type != DT_DIR || *entry->d_name == '.')
			continue;
		below = openat(cgroup, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (below < 0)
			continue;
		add_cgroup(list, below, depth - 1);
		close(below);
	}
}

static bool is_listed(const struct process_list *list, pid_t pid)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->pids[i] == pid)
			return true;
	return false;
}

static bool has_environment(const struct process_list *list, pid_t pid)
{
	cleanup_free char *text = NULL, *number = str_print("%u", list->worker->number);
	size_t len;

	return list->watch->setup.run_id && !proc_read_environ(pid, &text, &len) &&
	       str_equal(proc_parse_environ(text, len, "BERTH_RUN"), list->watch->setup.run_id) &&
	       str_equal(proc_parse_environ(text, len, "BERTH_WORKER"), number);
}

static bool visit(void *arg, pid_t pid)
{
	struct process_list *list = arg;
	struct proc_stat stat;

	/* /proc is walked in the order of pids, so a parent mostly comes before its children */
	if (!proc_read_stat(pid, &stat) &&
	    (pid == list->worker->pid || is_listed(list, stat.ppid) || has_environment(list, pid)))
		add(list, pid);
	return true;
}

size_t worker_list_processes(const struct watch *watch, const struct watch_worker *worker,
                             pid_t **ret_pids)
{
	struct process_list list = { .watch = watch, .worker = worker };

	if (worker->cgroup >= 0)
		add_cgroup(&list, worker->cgroup, 8);
	else
		(void)proc_each(visit, &list);
	*ret_pids = list.pids;
	return list.count;
}
