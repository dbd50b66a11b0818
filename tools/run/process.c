/* SPDX-License-Identifier: MIT */
/*
 * Walking /proc. /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN) gives a tree for the price of its own size; where it
 * is missing, every process of the host is asked for its parent.
 *
 * All of this is a snapshot of moving things: callers repeat until nothing is left.
 */
#include "tools/run/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/watch/proc.h"

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

/* State and parent from /proc/PID/stat. The name may hold anything, brackets too: look behind the last one. */
static bool stat_of(pid_t pid, char *ret_state, pid_t *ret_parent)
{
	cleanup_free char *path = str_print("/proc/%d/stat", (int)pid);
	cleanup_free char *text = NULL;
	const char *behind;

	if (file_read(path, &text, NULL))
		return false;
	behind = strrchr(text, ')');
	return behind && sscanf(behind + 1, " %c %d", ret_state, ret_parent) == 2;
}

static bool is_live(pid_t pid)
{
	pid_t parent;
	char state;

	return stat_of(pid, &state, &parent) && state != 'Z' && state != 'X';
}

bool process_is_stopped(pid_t pid)
{
	pid_t parent;
	char state;

	return stat_of(pid, &state, &parent) && state == 'T';
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
		cleanup_free char *children = str_print("/proc/%d/task/%s/children", (int)parent, thread->d_name);
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

/* Call @fn for every process there is. */
static void each_process(void (*fn)(pid_t pid, void *arg), void *arg)
{
	cleanup_dir DIR *proc = opendir("/proc");
	struct dirent *entry;

	while (proc && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			fn((pid_t)atoi(entry->d_name), arg);
}

struct parents {
	pid_t parent;
	struct pids *children;
};

static void add_if_child(pid_t pid, void *arg)
{
	struct parents *parents = arg;
	pid_t parent;
	char state;

	if (stat_of(pid, &state, &parent) && parent == parents->parent)
		pids_add(parents->children, pid);
}

static void add_children(pid_t parent, struct pids *pids)
{
	struct parents parents = { parent, pids };

	if (children_of(parent, pids) == -ENOSYS)
		each_process(add_if_child, &parents);
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
	return stat(parent, &theirs) || theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino;
}

static void add_if_of_run(pid_t pid, void *arg)
{
	struct wanted *wanted = arg;
	cleanup_free char *path = str_print("/proc/%d/environ", (int)pid);
	cleanup_free char *text = NULL;
	const char *id;
	size_t len;

	if (file_read(path, &text, &len))
		return;
	id = proc_parse_environ(text, len, "BERTH_RUN");
	if (id && !strcmp(id, wanted->id) && !is_elsewhere(text, len, wanted->dir))
		pids_add(wanted->found, pid);
}

void process_of_run(const char *id, const char *dir, struct pids *ret_pids)
{
	struct wanted wanted = { id, dir, ret_pids };

	*ret_pids = (struct pids){ 0 };
	each_process(add_if_of_run, &wanted);
}

char *process_program(pid_t pid)
{
	cleanup_free char *link = str_print("/proc/%d/exe", (int)pid);
	char path[PATH_MAX];
	ssize_t len = readlink(link, path, sizeof(path));

	return len < 0 ? NULL : str_copy_len(path, (size_t)len);
}

/* Whoever names a process may put there what a terminal would obey. */
char *process_command(pid_t pid)
{
	cleanup_free char *path = str_print("/proc/%d/cmdline", (int)pid);
	cleanup_free char *name_path = str_print("/proc/%d/comm", (int)pid);
	cleanup_free char *text = NULL, *name = NULL, *shown = NULL;
	size_t len = 0;

	if (!file_read(path, &text, &len) && len)
		return proc_parse_command(text, len, len);
	if (file_read(name_path, &name, NULL))
		return str_copy("[gone]");
	len = strcspn(name, "\n");
	shown = proc_parse_command(name, len, len);
	return str_print("[%s]", shown);
}
