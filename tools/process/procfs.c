/* SPDX-License-Identifier: MIT */
/* The only file that knows the form of /proc/PID/stat and /proc/PID/environ. */
#include "tools/process/procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

enum { FLAGS_FIELD = 9, START_FIELD = 22, EXITING_FLAG = 0x4 /* PF_EXITING, linux/sched.h */ };

static const char *skip_fields(const char *at, int count)
{
	while (count-- > 0) {
		at += strcspn(at, " ");
		at += *at == ' ';
	}
	return at;
}

/* The comm may hold any byte, brackets too: the other fields follow the last bracket. */
bool proc_parse_stat(const char *text, struct proc_stat *ret_stat)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	long pid = strtol(text, NULL, 10), ppid;
	size_t len;
	char *end;

	if (!open || !close || close < open || close[1] != ' ' || !close[2] || close[3] != ' ' ||
	    pid <= 0 || pid > INT_MAX)
		return false;
	len = (size_t)(close - open - 1);
	*ret_stat = (struct proc_stat){ .pid = (pid_t)pid, .state = close[2] };
	memcpy(ret_stat->comm, open + 1, len < PROC_COMM ? len : PROC_COMM - 1);
	for (char *at = ret_stat->comm; *at; at++)
		if (iscntrl((unsigned char)*at))
			*at = ' ';
	ppid = strtol(close + 4, &end, 10);
	if (end == close + 4 || ppid < 0 || ppid > INT_MAX)
		return false;
	ret_stat->ppid = (pid_t)ppid;
	text = skip_fields(close + 2, FLAGS_FIELD - 3);
	ret_stat->is_ending = strtoul(text, NULL, 10) & EXITING_FLAG;
	text = skip_fields(text, START_FIELD - FLAGS_FIELD);
	ret_stat->start_ticks = strtoull(text, &end, 10);
	return end != text;
}

static int read_stat(int dir, const char *path, struct proc_stat *ret_stat)
{
	cleanup_free char *text = NULL;
	int ret = file_read_at(dir, path, &text, NULL);

	if (ret)
		return ret == -ENOENT ? -ESRCH : ret;
	return proc_parse_stat(text, ret_stat) ? 0 : -ESRCH;
}

int proc_read_stat_at(int dir, struct proc_stat *ret_stat)
{
	return read_stat(dir, "stat", ret_stat);
}

int proc_read_stat(pid_t pid, struct proc_stat *ret_stat)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	return read_stat(AT_FDCWD, path, ret_stat);
}

bool proc_is_alive(pid_t pid)
{
	struct proc_stat stat;

	return !proc_read_stat(pid, &stat) && stat.state != 'Z' && stat.state != 'X';
}

bool proc_is_stopped(pid_t pid)
{
	struct proc_stat stat;

	return !proc_read_stat(pid, &stat) && stat.state == 'T';
}

int proc_read_file(pid_t pid, const char *name, char **ret_text, size_t *ret_len)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	ret = file_read(path, ret_text, ret_len);
	return ret == -ENOENT ? -ESRCH : ret;
}

const char *proc_parse_environ(const char *text, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	for (size_t at = 0; at < len;) {
		size_t one = strnlen(text + at, len - at);

		if (one > name_len && text[at + name_len] == '=' &&
		    !memcmp(text + at, name, name_len) && at + one < len)
			return text + at + name_len + 1;
		at += one + 1;
	}
	return NULL;
}

/* "NSpid:\t4242\t7\t1", from our namespace to its own. A process in ours has only the first. */
pid_t proc_parse_inside(const char *status)
{
	const char *line = strstr(status, "\nNSpid:");
	const char *last = line ? memrchr(line, '\t', strcspn(line + 1, "\n") + 1) : NULL;
	long pid;

	if (!last)
		return 0;
	pid = strtol(last, NULL, 10);
	return pid > 0 && pid <= INT_MAX ? (pid_t)pid : 0;
}

int proc_each(proc_fn fn, void *arg)
{
	cleanup_dir DIR *all = opendir("/proc");
	struct dirent *entry;
	long pid;

	if (!all)
		return -errno;
	while ((entry = readdir(all)))
		if (!str_number(entry->d_name, 1, INT_MAX, &pid) && !fn(arg, (pid_t)pid))
			break;
	return 0;
}
