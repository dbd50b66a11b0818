/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_ASKED_H
#define BERTH_ISOLATE_SECCOMP_ASKED_H
/* What the handlers of notifications share; private to seccomp_act.c and seccomp_datagram.c. */
#include <limits.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "core/addr.h"
#include "tools/isolate/seccomp_act.h"
#include "tools/isolate/seccomp_call.h"
#include "tools/isolate/seccomp_target.h"

/* A handler returns what the call returns, or -errno, or one of these. */
enum {
	GO_ON = INT_MIN,     /* let the kernel make the call */
	WAITS = INT_MIN + 1, /* asked_wait() was called */
};

/* one notification under way */
struct asked {
	struct target target;
	struct notify_worker *worker;
	struct berth_portmap *map;
	struct notify_call call;
	struct notify_wait *wait;
	bool answered; /* the descriptor was handed over with the answer */
};

struct address {
	struct berth_addr addr;
	socklen_t len;
	unsigned char bytes[sizeof(struct sockaddr_un)];
};

/* What becomes of an address on its way out. */
enum way { AS_IS, REWRITTEN, REFUSED };

/* The target's socket, close() it. Return: -1 if it cannot be had: then the kernel has the right error for the target. */
int asked_socket(struct asked *asked);

/* Come back when there is something to receive on *fd, which is taken. Return: WAITS. */
int asked_wait(struct asked *asked, int *fd);

/* Copy an address out. Return: false if it is not the worker's business. */
bool asked_take(const struct asked *asked, uint64_t from, uint64_t len, enum berth_addr_use use,
                struct address *ret);

/* Judge it and put the real port in. @proto may be -1. */
enum way asked_outbound(struct asked *asked, int proto, struct address *address);

/* Put the virtual port into an address from the kernel. Return: false if there is nothing to change. */
bool asked_give(const struct berth_portmap *map, void *name, socklen_t len);

/* Write an address as move_addr_to_user() does, to where the call wants it. Return: 0; -EFAULT; -ESRCH. */
int asked_name_out(const struct asked *asked, const struct sockaddr_storage *name, socklen_t full,
                   socklen_t room);

/* The port map table of a socket; -1 if it is neither TCP nor UDP. */
int asked_proto(int fd);
bool asked_blocks(int fd);
int asked_result(long ret); /* -errno, or what the call returned */

/* Limit the calls on a blocking socket (SO_SNDTIMEO, SO_RCVTIMEO). Return: what to put back. */
struct timeval asked_tick(int fd, int option, const struct timeval *value);
extern const struct timeval asked_one_tick;

int on_sendto(struct asked *asked);
int on_sendmsg(struct asked *asked);
int on_sendmmsg(struct asked *asked);
int on_recvfrom(struct asked *asked);
int on_recvmsg(struct asked *asked);
int on_recvmmsg(struct asked *asked);

#endif
