/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_JOB_H
#define BERTH_PROCESS_JOB_H
/*
 * A job: blocking work (copying a tree, initdb, libpq) in a child process, while the caller's event
 * loop goes on. The child keeps only the descriptors that it is given, dies with its parent, and
 * answers with a result and a text.
 *
 *	job_start(&(struct job_setup){ .loop = loop, .run = copy_tree, .done = on_copied }, &job);
 */
#include <sys/types.h>

#include "tools/base/loop.h"
#include "tools/base/str.h"
#include "tools/process/child.h"

struct job;

/**
 * Called once in the parent, at the end of the job.
 * @error	what the function returned; -ETIME after the deadline; -ECHILD if the child was
 *		killed
 * @text	never NULL; valid during the call
 */
typedef void (*job_done_fn)(void *arg, int error, const char *text);

struct job_setup {
	struct loop *loop;
	uid_t uid; /* the child becomes this user first; 0 = stay */
	gid_t gid;
	int keep_fd;         /* a descriptor the child keeps; 0 = none */
	int64_t deadline_ms; /* 0 = five minutes */
	child_fn run;
	void *arg; /* the child has a copy, as of the fork */
	job_done_fn done;
	void *done_arg;
};

int job_start(const struct job_setup *setup, struct job **ret_job);
void job_cancel(struct job *job); /* kill it without calling .done; NULL is allowed */

/** In a child: become user @uid for good; 0 does nothing. Return: 0; -errno. */
int job_drop(uid_t uid, gid_t gid);

/**
 * Until job_files_back(), access files as user @uid; 0 does nothing. For directories of the
 * servers' user, who could plant a symbolic link there.
 */
void job_files_as(uid_t uid, gid_t gid);
void job_files_back(uid_t uid);

#endif
