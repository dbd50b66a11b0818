/* SPDX-License-Identifier: MIT */
/* The functions behind the attributes of cleanup.h. */
#include "tools/base/cleanup.h"

#include <errno.h>

#include "tools/base/str.h"

void cleanup_close_at(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

void cleanup_file_at(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	errno = saved;
}

void cleanup_dir_at(DIR **dir)
{
	int saved = errno;

	if (*dir)
		closedir(*dir);
	errno = saved;
}

void cleanup_strv_at(char ***strv)
{
	strv_free(*strv);
}
