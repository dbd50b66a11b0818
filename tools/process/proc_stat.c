/* SPDX-License-Identifier: MIT */
/* The name may hold anything, brackets and blanks too: what counts lies behind the last bracket. */
#include "tools/process/proc_stat.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"

enum { START_FIELD = 22 };

static const char *skip_fields(const char *at, int count)
{
	while (count-- > 0) {
		at += strcspn(at, " ");
		at += *at == ' ';
	}
	return at;
}

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
	text = skip_fields(close + 2, START_FIELD - 3);
	ret_stat->start_ticks = strtoull(text, &end, 10);
	return end != text;
}

static int read_file(int dir, const char *path, struct proc_stat *ret_stat)
{
	cleanup_free char *text = NULL;
	int ret = file_read_at(dir, path, &text, NULL);

	if (ret)
		return ret == -ENOENT ? -ESRCH : ret;
	return proc_parse_stat(text, ret_stat) ? 0 : -ESRCH;
}

int proc_read_stat_at(int dir, struct proc_stat *ret_stat)
{
	return read_file(dir, "stat", ret_stat);
}

int proc_read_stat(pid_t pid, struct proc_stat *ret_stat)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	return read_file(AT_FDCWD, path, ret_stat);
}
