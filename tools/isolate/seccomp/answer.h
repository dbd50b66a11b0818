/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_ANSWER_H
#define BERTH_ISOLATE_SECCOMP_ANSWER_H
/* Answering one notification. */
#include <linux/seccomp.h>
#include <stdbool.h>

#include "core/portmap.h"
#include "tools/isolate/seccomp/target.h"

/*
 * What the answers of one worker have to remember. The suite can write into its map, and a worker of root's run may have given
 * root up: what would make the supervisor act beyond the worker's own rights is read from a copy that was taken before.
 */
struct notify_worker {
	struct berth_portmap *map;
	uint32_t block_base, block_len;
	struct berth_unix_rule unix_rules[BERTH_UNIX_RULES_MAX];
	struct target_last last; /* the caller's to target_forget() */
	/* a client with a source port of the block has connected: accept(2) must be looked at */
	bool source_bound;
};

/* A call that waits for something to receive. {.fd = -1} when the call is new. */
struct notify_wait {
	int fd;              /* our duplicate of its socket, the caller's to close() */
	unsigned int done;   /* messages that recvmmsg(2) has by now */
	int64_t deadline_ms; /* SO_RCVTIMEO; 0 = none */
};

/**
 * Act for the caller of @notif and let it go on. Never waits for anything but memory.
 * @answer	zeroed, as large as the kernel's struct seccomp_notif_resp
 * Return: true if it was answered; false if it waits: call again when @wait->fd is readable.
 */
bool notify_answer(int notify_fd, struct notify_worker *worker, const struct seccomp_notif *notif,
                   struct seccomp_notif_resp *answer, struct notify_wait *wait);

/** Look after a call that waits, a few times a second. Return: true if it waits no more: gone, signalled, or out of time. */
bool notify_wait_ends(int notify_fd, const struct seccomp_notif *notif,
                      struct seccomp_notif_resp *answer, const struct notify_wait *wait);

#endif
