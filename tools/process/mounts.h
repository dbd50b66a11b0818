/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_MOUNTS_H
#define BERTH_PROCESS_MOUNTS_H
/* Mounts that only the calling process and its children see. Functions return 0 or -errno. */
#include <stdbool.h>

/**
 * Enter a new mount namespace.
 * @user	enter a user namespace, too, with only our user and group: no privilege needed
 * @propagation	MS_SLAVE = later mounts of the host appear in it; MS_PRIVATE = they do not
 */
int mounts_enter_namespace(bool user, unsigned long propagation);

struct mounts_overlay {
	int lower, upper, work; /* descriptors: in an option, a path must not contain a comma */
	const char *target;
	unsigned long flags; /* of mount(2) */
	const char *options; /* further ones, each with a comma before it */
};
int mounts_add_overlay(const struct mounts_overlay *overlay);

#endif
