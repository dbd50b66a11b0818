/* SPDX-License-Identifier: MIT */
/*
 * The supervisor sets these variables for a worker's command. A program may change the environment
 * of its children, who are then not found.
 */
#include "tools/process/owner.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/abi.h"
#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/procfs.h"

#define SLOT "TEST_PARALLEL_INDEX"

static int read_from(int dir, const char *path, struct proc_owner *ret_owner)
{
	char *text;
	size_t len;
	int ret = file_read_at(dir, path, &text, &len);

	if (ret)
		return ret;
	*ret_owner = (struct proc_owner){
		.run = proc_parse_environ(text, len, "BERTH_RUN"),
		.worker = proc_parse_environ(text, len, "BERTH_WORKER"),
		.task = proc_parse_environ(text, len, "BERTH_TASK"),
		.map_path = proc_parse_environ(text, len, "BERTH_MAP"),
		.mark_path = proc_parse_environ(text, len, "BERTH_MARK"),
		.text = text,
	};
	ret_owner->slot = proc_parse_environ(text, len, SLOT);
	if (ret_owner->slot)
		ret_owner->slot -= sizeof(SLOT);
	if (!ret_owner->map_path)
		ret_owner->map_path = proc_parse_environ(text, len, "BERTH_VIEW");
	return 0;
}

int owner_read_at(int dir, struct proc_owner *ret_owner)
{
	return read_from(dir, "environ", ret_owner);
}

int owner_read(pid_t pid, struct proc_owner *ret_owner)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	return read_from(AT_FDCWD, path, ret_owner);
}

void owner_free(struct proc_owner *owner)
{
	free(owner->text);
	*owner = (struct proc_owner){ 0 };
}

bool owner_is(pid_t pid, const char *run_id, unsigned int worker)
{
	cleanup_owner struct proc_owner owner = { 0 };
	cleanup_free char *number = str_print("%u", worker);

	return run_id && !owner_read(pid, &owner) && str_equal(owner.run, run_id) &&
	       str_equal(owner.worker, number);
}

const char *owner_of_self(unsigned int *ret_worker)
{
	const char *run = getenv("BERTH_RUN");
	long worker = 0;

	(void)str_number(getenv("BERTH_WORKER"), 1, BERTH_WORKERS_MAX, &worker);
	if (ret_worker)
		*ret_worker = (unsigned int)worker;
	return run && *run ? run : NULL;
}

/* Compares directories, not paths. A directory that does not exist any more proves nothing. */
static bool is_elsewhere(const struct proc_owner *owner, const char *run_dir)
{
	const char *path = owner->map_path ? owner->map_path : owner->mark_path;
	cleanup_free char *parent = NULL;
	struct stat ours, theirs;

	if (!path || *path != '/' || stat(run_dir, &ours))
		return false;
	parent = str_copy_len(path, (size_t)(strrchr(path, '/') - path) + 1);
	return stat(parent, &theirs) || theirs.st_dev != ours.st_dev ||
	       theirs.st_ino != ours.st_ino;
}

struct owner_search {
	const char *run_id, *run_dir;
	struct pids *found;
};

static bool add_if_owned(void *arg, pid_t pid)
{
	struct owner_search *search = arg;
	cleanup_owner struct proc_owner owner = { 0 };

	if (!owner_read(pid, &owner) && str_equal(owner.run, search->run_id) &&
	    !is_elsewhere(&owner, search->run_dir))
		pids_add(search->found, pid);
	return true;
}

void owner_find(const char *run_id, const char *run_dir, struct pids *ret_pids)
{
	struct owner_search search = { run_id, run_dir, ret_pids };

	*ret_pids = (struct pids){ 0 };
	(void)proc_each(add_if_owned, &search);
}
