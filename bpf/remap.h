/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BPF_REMAP_H
#define BERTH_BPF_REMAP_H
/*
 * What the remap programs report to the supervisor, through the ring buffer `events`. Both are
 * built together, so no other version needs to be understood.
 */
#include "core/portmap.h"

enum remap_event_kind {
	REMAP_NOTE, /* .note is for the worker's port map */
	/* first bind of a real port, which .note names: its result is not visible */
	REMAP_FIRST_TRY,
};

struct remap_event {
	uint32_t kind; /* enum remap_event_kind */
	uint32_t worker;
	struct berth_note note;
};

_Static_assert(sizeof(struct remap_event) == 152, "no padding goes to user space");

#endif
