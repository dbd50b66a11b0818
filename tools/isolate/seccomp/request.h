/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_REQUEST_H
#define BERTH_ISOLATE_SECCOMP_REQUEST_H
/* What the handlers of notifications share; private to answer.c and datagram.c. */
#include <limits.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "core/addr.h"
#include "tools/isolate/seccomp/answer.h"
#include "tools/isolate/seccomp/call.h"
#include "tools/isolate/seccomp/target.h"

/* A handler returns what the call returns, or -errno, or one of these. */
enum {
	CONTINUE_CALL = INT_MIN,  /* let the kernel make the call */
	CALL_WAITS = INT_MIN + 1, /* request_wait() was called */
};

/* one notification under way */
struct notify_request {
	struct target target;
	struct notify_worker *worker;
	struct berth_portmap *map;
	struct notify_call call;
	struct notify_wait *wait;
	bool answered; /* the descriptor was handed over with the answer */
};

struct request_address {
	struct berth_addr addr;
	socklen_t len;
	unsigned char bytes[sizeof(struct sockaddr_un)];
};

/* What becomes of an address on its way out. */
enum address_verdict { AS_IS, REWRITTEN, REFUSED };

/* The target's socket, close() it. Return: -1 if it cannot be had: then the kernel has the right error for the target. */
int request_socket(struct notify_request *request);

/* Come back when there is something to receive on *fd, which is taken. Return: CALL_WAITS. */
int request_wait(struct notify_request *request, int *fd);

/* Copy an address out. Return: false if it is not the worker's business. */
bool request_copy_address(const struct notify_request *request, uint64_t from, uint64_t len,
                          enum berth_addr_use use, struct request_address *ret);

/* Judge it and put the real port in. @proto may be -1. */
enum address_verdict request_outbound(struct notify_request *request, int proto,
                                      struct request_address *address);

/* Put the virtual port into an address from the kernel. Return: false if there is nothing to change. */
bool request_restore_port(const struct berth_portmap *map, void *name, socklen_t len);

/* Write an address as move_addr_to_user() does, to where the call wants it. Return: 0; -EFAULT; -ESRCH. */
int request_name_out(const struct notify_request *request, const struct sockaddr_storage *name,
                     socklen_t full, socklen_t room);

/* The port map table of a socket; -1 if it is neither TCP nor UDP. */
int request_proto(int fd);
bool request_blocks(int fd);
int request_result(long ret); /* -errno, or what the call returned */

/* Limit the calls on a blocking socket (SO_SNDTIMEO, SO_RCVTIMEO). Return: what to put back. */
struct timeval request_tick(int fd, int option, const struct timeval *value);
extern const struct timeval request_one_tick;

int on_sendto(struct notify_request *request);
int on_sendmsg(struct notify_request *request);
int on_sendmmsg(struct notify_request *request);
int on_recvfrom(struct notify_request *request);
int on_recvmsg(struct notify_request *request);
int on_recvmmsg(struct notify_request *request);

#endif
