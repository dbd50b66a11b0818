/* SPDX-License-Identifier: MIT */
/*
 * Walking /proc. /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN) gives a tree for the price of its own size; where it
 * is missing, every process of the host is asked for its parent.
 *
 * All of this is a snapshot of moving things: callers repeat until nothing is left.
 */
#include "tools/process/family.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/proc.h"

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

static bool is_live(pid_t pid)
{
	struct proc_stat stat;

	return !proc_read_stat(pid, &stat) && stat.state != 'Z' && stat.state != 'X';
}

bool process_is_stopped(pid_t pid)
{
	struct proc_stat stat;

	return !proc_read_stat(pid, &stat) && stat.state == 'T';
}

static void add_numbers(const char *text, struct pids *pids)
{
	char *end;

	for (long pid = strtol(text, &end, 10); end != text; pid = strtol(text, &end, 10)) {
		pids_add(pids, (pid_t)pid);
		text = end;
	}
}

/* A multi-threaded parent's children hang on the thread that forked them. */
static int children_of(pid_t parent, struct pids *pids)
{
	cleanup_free char *path = str_print("/proc/%d/task", (int)parent);
	cleanup_dir DIR *threads = opendir(path);
	struct dirent *thread;

	while (threads && (thread = readdir(threads))) {
		cleanup_free char *children = str_print("/proc/%d/task/%s/children", (int)parent,
		                                        thread->d_name);
		cleanup_free char *text = NULL;
		int ret;

		if (!isdigit((unsigned char)thread->d_name[0]))
			continue;
		ret = file_read(children, &text, NULL);
		if (!ret)
			add_numbers(text, pids);
		else if (ret == -ENOENT && is_live(parent))
			return -ENOSYS;
	}
	return 0;
}

struct parents {
	pid_t parent;
	struct pids *children;
};

static bool add_if_child(void *arg, pid_t pid)
{
	struct parents *parents = arg;
	struct proc_stat stat;

	if (!proc_read_stat(pid, &stat) && stat.ppid == parents->parent)
		pids_add(parents->children, pid);
	return true;
}

static void add_children(pid_t parent, struct pids *pids)
{
	struct parents parents = { parent, pids };

	if (children_of(parent, pids) == -ENOSYS)
		(void)proc_each(add_if_child, &parents);
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
		if (i && is_live(all.list[i]))
			pids_add(ret_pids, all.list[i]);
	}
}

struct wanted {
	const char *id, *dir;
	struct pids *found;
};

/* Does the environment @text name run-time files that do not lie in @dir? However that is spelt; if it is gone, nobody can say. */
static bool is_elsewhere(const char *text, size_t len, const char *dir)
{
	const char *path = proc_parse_map(text, len);
	cleanup_free char *parent = NULL;
	struct stat ours, theirs;

	path = path ? path : proc_parse_environ(text, len, "BERTH_MARK");
	if (!path || *path != '/' || stat(dir, &ours))
		return false;
	parent = str_copy_len(path, (size_t)(strrchr(path, '/') - path) + 1);
	return stat(parent, &theirs) || theirs.st_dev != ours.st_dev ||
	       theirs.st_ino != ours.st_ino;
}

static bool add_if_of_run(void *arg, pid_t pid)
{
	struct wanted *wanted = arg;
	cleanup_free char *text = NULL;
	const char *id;
	size_t len;

	if (proc_read_environ(pid, &text, &len))
		return true;
	id = proc_parse_environ(text, len, "BERTH_RUN");
	if (id && !strcmp(id, wanted->id) && !is_elsewhere(text, len, wanted->dir))
		pids_add(wanted->found, pid);
	return true;
}

void process_of_run(const char *id, const char *dir, struct pids *ret_pids)
{
	struct wanted wanted = { id, dir, ret_pids };

	*ret_pids = (struct pids){ 0 };
	(void)proc_each(add_if_of_run, &wanted);
}

char *process_program(pid_t pid)
{
	cleanup_free char *link = str_print("/proc/%d/exe", (int)pid);
	char path[PATH_MAX];
	ssize_t len = readlink(link, path, sizeof(path));

	return len < 0 ? NULL : str_copy_len(path, (size_t)len);
}

char *process_command(pid_t pid)
{
	char *command = proc_command(pid, SIZE_MAX);

	return command ? command : str_copy("[gone]");
}
