/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_PROCESS_H
#define BERTH_RUN_PROCESS_H
/* Processes as /proc shows them. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pids {
	pid_t *list;
	size_t count;
};
void pids_free(struct pids *pids);
void pids_add(struct pids *pids, pid_t pid);
#define cleanup_pids __attribute__((cleanup(pids_free)))

/** All descendants of @ancestor, parents before children, without @ancestor itself and without zombies. */
void process_descendants(pid_t ancestor, struct pids *ret_pids);

/** The children of @parent, zombies included. */
void process_children(pid_t parent, struct pids *ret_pids);

/** All processes of this user whose environment says @entry ("BERTH_RUN=7f3a"). For debris: it reads all of /proc. */
void process_by_environ(const char *entry, struct pids *ret_pids);

/** True if it is stopped right now (SIGSTOP, SIGTSTP). */
bool process_is_stopped(pid_t pid);

/**
 * The command line, its words separated by blanks; the name in brackets if it has none. Control characters are blanks, too.
 * The caller's to free.
 */
char *process_command(pid_t pid);

/** The file of its program; NULL if that may not be seen, or there is none (any more). The caller's to free. */
char *process_program(pid_t pid);

#endif
