/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_FAMILY_H
#define BERTH_PROCESS_FAMILY_H
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

/**
 * All processes of this user whose environment says that they belong to run @id. One that also names run-time files elsewhere
 * than in @dir is another's, of a run that happens to have the same id. For debris: it reads all of /proc.
 */
void process_of_run(const char *id, const char *dir, struct pids *ret_pids);

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
