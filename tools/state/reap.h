/* SPDX-License-Identifier: MIT */
#ifndef BERTH_STATE_REAP_H
#define BERTH_STATE_REAP_H
/*
 * Debris: what is left when a supervisor and its guard were both killed. Every `berth run` reaps before it starts;
 * `berth reap` does it on request.
 */
#include <stdbool.h>

/**
 * Remove what dead runs of this user left: processes, cgroups, run-time files, trees, entries of allocated-ports.json.
 * @dry_run	only say what would be removed
 * @ret_list	strv, one line for people per thing ("run 7f3a: process 123 node server.js"); the caller's to free;
 *		may be NULL
 * Return: 0, also if there was nothing; the first -errno of what could not be removed.
 */
int run_reap(bool dry_run, char ***ret_list);

/** End every process of this user that says it belongs to run @run_id, whose run-time files are or were in @run_dir. */
void run_kill_strays(const char *run_id, const char *run_dir);

#endif
