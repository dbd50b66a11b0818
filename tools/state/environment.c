/* SPDX-License-Identifier: MIT */
/* The directories of named environments and their locks. Nothing here starts or ends a run. */
#include "tools/state/environment.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/base/table.h"

bool environment_is_name(const char *name)
{
	size_t len = strlen(name), digits = strspn(name + (*name == 'w'), "0123456789");

	if (!len || len > ENVIRONMENT_NAME_MAX || !isalnum((unsigned char)*name) ||
	    digits + (*name == 'w') == len)
		return false;
	for (const char *at = name; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("._-", *at))
			return false;
	return true;
}

char *environment_dir(const char *results_dir, const char *name)
{
	return str_print("%s/environments/%s", results_dir, name);
}

char *environment_key(const char *dir)
{
	cleanup_free char *real = realpath(dir, NULL);

	return str_print("%s-%016llx", strrchr(dir, '/') + 1,
	                 (unsigned long long)table_hash_text(TABLE_HASH, real ? real : dir));
}

int environment_lock(const char *results_dir, const char *name, int *ret_lock)
{
	cleanup_free char *dir = environment_dir(results_dir, name);
	cleanup_free char *path = str_print("%s/lock", dir);
	cleanup_close int lock = -1;
	int ret = file_is_planted(results_dir) ? -EACCES : dir_make(dir, 0700);

	if (ret)
		return ret;
	lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_lock = steal_fd(&lock);
	return 0;
}

char **environment_list(const char *results_dir)
{
	cleanup_free char *dir = environment_dir(results_dir, "");

	return dir_list(dir);
}

int environment_load(const char *results_dir, const char *name, struct run_state *ret_run)
{
	cleanup_free char *dir = environment_dir(results_dir, name);
	cleanup_free char *path = str_print("%s/lock", dir);
	cleanup_close int lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (lock < 0)
		return -errno;
	if (flock(lock, LOCK_SH | LOCK_NB))
		return -EBUSY;
	return state_load_file(dir, ret_run);
}
