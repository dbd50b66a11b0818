/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN) gives a process tree at the price of its own
 * size. Where the kernel lacks it, every process of the host is asked for its parent.
 */
#include "tools/process/family.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/procfs.h"

void pids_free(struct pids *pids)
{
	free(pids->list);
	*pids = (struct pids){ 0 };
}

void pids_add(struct pids *pids, pid_t pid)
{
	pids->list = mem_grow(pids->list, pids->count + 1, sizeof(*pids->list));
	pids->list[pids->count++] = pid;
}

bool pids_has(const struct pids *pids, pid_t pid)
{
	for (size_t i = 0; i < pids->count; i++)
		if (pids->list[i] == pid)
			return true;
	return false;
}

static void add_numbers(const char *text, struct pids *pids)
{
	char *end;

	for (long pid = strtol(text, &end, 10); end != text; pid = strtol(text, &end, 10)) {
		pids_add(pids, (pid_t)pid);
		text = end;
	}
}

/* A child is listed under the thread that forked it. Return: 0; -ENOSYS without such lists. */
static int add_listed_children(pid_t parent, struct pids *pids)
{
	cleanup_free char *path = str_print("/proc/%d/task", (int)parent);
	cleanup_dir DIR *threads = opendir(path);
	struct dirent *thread;

	while (threads && (thread = readdir(threads))) {
		cleanup_free char *children = str_print("%s/children", thread->d_name),
				  *text = NULL;
		int ret;

		if (!isdigit((unsigned char)thread->d_name[0]))
			continue;
		ret = file_read_at(dirfd(threads), children, &text, NULL);
		if (!ret)
			add_numbers(text, pids);
		else if (ret == -ENOENT && proc_is_alive(parent))
			return -ENOSYS;
	}
	return 0;
}

struct child_search {
	pid_t parent;
	struct pids *found;
};

static bool add_if_child(void *arg, pid_t pid)
{
	struct child_search *search = arg;
	struct proc_stat stat;

	if (!proc_read_stat(pid, &stat) && stat.ppid == search->parent)
		pids_add(search->found, pid);
	return true;
}

static void add_children(pid_t parent, struct pids *pids)
{
	struct child_search search = { parent, pids };

	if (add_listed_children(parent, pids) == -ENOSYS)
		(void)proc_each(add_if_child, &search);
}

void process_children(pid_t parent, struct pids *ret_pids)
{
	*ret_pids = (struct pids){ 0 };
	add_children(parent, ret_pids);
}

void process_descendants(pid_t ancestor, struct pids *ret_pids)
{
	cleanup_pids struct pids all = { 0 };

	*ret_pids = (struct pids){ 0 };
	pids_add(&all, ancestor);
	for (size_t i = 0; i < all.count; i++) {
		add_children(all.list[i], &all);
		if (i && proc_is_alive(all.list[i]))
			pids_add(ret_pids, all.list[i]);
	}
}

pid_t process_find_inside(pid_t ancestor, pid_t inside)
{
	cleanup_pids struct pids pids = { 0 };

	process_descendants(ancestor, &pids);
	for (size_t i = 0; i < pids.count; i++) {
		cleanup_free char *status = NULL;

		if (!proc_read_file(pids.list[i], "status", &status, NULL) &&
		    proc_parse_inside(status) == inside)
			return pids.list[i];
	}
	return 0;
}
