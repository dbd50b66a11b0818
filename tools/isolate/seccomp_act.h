/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_ACT_H
#define BERTH_ISOLATE_SECCOMP_ACT_H
/* Answering one notification. */
#include <linux/seccomp.h>
#include <stdbool.h>

#include "core/portmap.h"

/* What the answers of one worker have to remember. */
struct notify_worker {
	struct berth_portmap *map;
	bool source_bound;	/* a client with a source port of the block has connected: accept(2) must be looked at */
};

/**
 * Act for the caller of @request and let it go on. Never waits for anything but memory.
 * @answer	zeroed, as large as the kernel's struct seccomp_notif_resp
 */
void notify_answer(int listener, struct notify_worker *worker, const struct seccomp_notif *request,
		   struct seccomp_notif_resp *answer);

#endif
