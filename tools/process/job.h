/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_JOB_H
#define BERTH_PROCESS_JOB_H
/*
 * Work that blocks (copying a tree, initdb, waiting for a lock, libpq) is straight-line code in a forked child. The child
 * keeps no descriptor of ours but the ones it is given, dies with us, and answers with a number and a text.
 *
 *	job_start(&(struct job_setup){ .loop = loop, .run = copy_tree, .arg = &what, .done = on_copied, .done_arg = me }, &job);
 */
#include <sys/types.h>

#include "tools/base/loop.h"
#include "tools/base/str.h"
#include "tools/process/child.h"

struct job;

/** @error -ETIME: the deadline passed; -ECHILD: killed. @text is never NULL and lives for the call. */
typedef void (*job_done_fn)(void *arg, int error, const char *text);

struct job_setup {
	struct loop *loop;
	uid_t uid; /* dropped to before @run; 0 = stay who we are */
	gid_t gid;
	int keep_fd;         /* a descriptor the child keeps; 0 = none */
	int64_t deadline_ms; /* 0 = five minutes */
	child_fn run;
	void *arg; /* the child sees it as it is at the fork */
	job_done_fn done;
	void *done_arg;
};

int job_start(const struct job_setup *setup, struct job **ret_job);
void job_cancel(struct job *job); /* kills it; done is not called; NULL is fine */

/** For a child between fork and exec or job: become @uid for good (0 = nothing to do). Return: 0 or -errno. */
int job_drop(uid_t uid, gid_t gid);

/**
 * Until job_files_back() this thread's calls on files have the rights of @uid and make what is his (0 = nothing to do): for
 * directories of the servers' user, who could put a symbolic link where we are about to act.
 */
void job_files_as(uid_t uid, gid_t gid);
void job_files_back(uid_t uid);

#endif
