/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_FAMILY_H
#define BERTH_PROCESS_FAMILY_H
/*
 * Children and descendants of a process, as of one moment. A caller that ends processes repeats the
 * call until nothing is left.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pids {
	pid_t *list;
	size_t count;
};
void pids_free(struct pids *pids);
void pids_add(struct pids *pids, pid_t pid);
bool pids_has(const struct pids *pids, pid_t pid);
#define cleanup_pids __attribute__((cleanup(pids_free)))

/** All descendants of @ancestor, parents before children, without itself and without zombies. */
void process_descendants(pid_t ancestor, struct pids *ret_pids);

/** Find the descendant whose number in its own PID namespace is @inside. Return: 0 = none. */
pid_t process_find_inside(pid_t ancestor, pid_t inside);

/** The children of @parent, zombies included. */
void process_children(pid_t parent, struct pids *ret_pids);

#endif
