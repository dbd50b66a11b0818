/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_REAP_H
#define BERTH_STATE_REAP_H
/*
 * Removes what dead runs left, whose supervisor and cleanup guard were both killed. Each `berth
 * run` does it before it starts, and `berth reap` on request.
 */
#include <stdbool.h>

/**
 * Remove the processes, cgroups, run-time files, trees and entries of allocated-ports.json of dead
 * runs of this user.
 * @dry_run	only list them
 * @ret_list	strv of lines like "run 7f3a: process 123 node"; may be NULL
 * Return: 0; the first -errno.
 */
int reap_runs(bool dry_run, char ***ret_list);

/** Kill every process of this user that owner_find() finds for the run. */
void reap_processes(const char *run_id, const char *run_dir);

#endif
