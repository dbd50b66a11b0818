/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PROCESS_MOUNTS_H
#define BERTH_PROCESS_MOUNTS_H
/* Overlays, in a mount namespace of our own (namespaces.h). Functions return 0 or -errno. */
struct mounts_overlay {
	int lower, upper, work; /* descriptors: in an option, a path must not contain a comma */
	const char *target;
	unsigned long flags; /* of mount(2) */
	const char *options; /* further ones, each with a comma before it */
	const int *hiding;   /* the descriptor of a layer above the lower one; NULL = none */
};
int mounts_add_overlay(const struct mounts_overlay *overlay);

#endif
