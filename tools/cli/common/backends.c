/* SPDX-License-Identifier: MIT */
/*
 * Try a backend as a run would use it: with a directory for run-time files and, where one can
 * be made, a cgroup. Both are removed before this returns.
 */
#include "tools/cli/common/backends.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/limits/cgroup.h"

enum { CGROUP_DEADLINE_MS = 2000 };

static void try_one(struct backends *backends, struct isolate_setup *setup,
                    enum isolate_backend backend)
{
	char *reason = NULL;
	int ret;

	setup->requested = backend;
	ret = isolate_probe(setup, &reason);
	backends->works[backend] = !ret;
	backends->reasons[backend] = reason ? reason : str_copy(ret ? strerror(-ret) : "");
}

void backends_try(struct backends *backends)
{
	char dir[] = "/tmp/berth-try-XXXXXX";
	cleanup_free char *install = NULL, *cgroup_path = NULL,
			  *id = str_print("try-%d", (int)getpid());
	cleanup_close int cgroup = cgroup_make(id, &cgroup_path);
	struct isolate_setup setup = { .run_dir = dir,
		                       .cgroup = cgroup < 0 ? -1 : cgroup,
		                       .workers = 1 };

	*backends = (struct backends){ 0 };
	backends->works[ISOLATE_AUTO] = backends->works[ISOLATE_NONE] = true;
	if (!dir_install(&install) && mkdtemp(dir)) {
		setup.install_dir = install;
		for (unsigned int i = ISOLATE_PRELOAD; i < ISOLATE_NONE; i++)
			try_one(backends, &setup, (enum isolate_backend)i);
		(void)dir_remove(dir);
	}
	if (cgroup_path)
		(void)cgroup_remove(cgroup_path, CGROUP_DEADLINE_MS);
}

void backends_free(struct backends *backends)
{
	for (unsigned int i = 0; i < ISOLATE_BACKENDS; i++)
		free(backends->reasons[i]);
}
