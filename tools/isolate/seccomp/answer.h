/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_ANSWER_H
#define BERTH_ISOLATE_SECCOMP_ANSWER_H
/* Answering one notification of seccomp_unotify(2). */
#include <linux/seccomp.h>
#include <stdbool.h>

#include "core/portmap.h"
#include "tools/isolate/seccomp/target.h"

/*
 * What is kept for the answers of one worker. The suite can write its port map, and a worker of
 * root's run may have given up root. So what limits the supervisor's own acts is read from a copy
 * that was taken before.
 */
struct notify_worker {
	struct berth_portmap *map;
	uint32_t block_base, block_len;
	struct berth_unix_rule unix_rules[BERTH_UNIX_RULES_MAX];
	struct target_last last; /* to target_forget() */
	/* a client with a source port of the block has connected: accept(2) must be rewritten */
	bool source_bound;
};

/* A call that waits for something to receive. {.fd = -1} when the call is new. */
struct notify_wait {
	int fd;              /* a duplicate of its socket, to close() */
	unsigned int done;   /* messages that recvmmsg(2) has by now */
	int64_t deadline_ms; /* SO_RCVTIMEO; 0 = none */
};

/**
 * Make the call of @notif's process, or let it continue. Waits for nothing but memory.
 * @answer	zeroed, as large as the kernel's struct seccomp_notif_resp
 * Return: true if it was answered; false if it waits: call again when @wait->fd is readable.
 */
bool notify_answer(int notify_fd, struct notify_worker *worker, const struct seccomp_notif *notif,
                   struct seccomp_notif_resp *answer, struct notify_wait *wait);

/** Check a call that waits. Return: true if it was answered: gone, signalled, or out of time. */
bool notify_wait_ends(int notify_fd, const struct seccomp_notif *notif,
                      struct seccomp_notif_resp *answer, const struct notify_wait *wait);

#endif
