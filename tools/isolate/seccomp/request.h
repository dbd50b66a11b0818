/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_REQUEST_H
#define BERTH_ISOLATE_SECCOMP_REQUEST_H
/*
 * One notification under way, and what its handlers share. The handlers are in socket.c and
 * datagram.c; answer.c calls them.
 */
#include <limits.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "core/abstract.h"
#include "core/addr.h"
#include "core/policy.h"
#include "tools/isolate/seccomp/answer.h"
#include "tools/isolate/seccomp/call.h"
#include "tools/isolate/seccomp/target.h"

/* A handler returns what the call returns, or -errno, or one of these. */
enum {
	CONTINUE_CALL = INT_MIN,  /* let the kernel make the call */
	CALL_WAITS = INT_MIN + 1, /* request_wait() was called */
};

struct notify_request {
	struct target target;
	struct notify_worker *worker;
	struct berth_portmap *map;
	struct notify_call call;
	struct notify_wait *wait;
	bool answered; /* the descriptor was handed over with the answer */
};

/* A copy of an address in the target's memory. */
struct request_address {
	struct berth_addr addr;
	bool is_name; /* it is an abstract Unix socket, and has no .addr */
	socklen_t len;
	unsigned char bytes[sizeof(struct sockaddr_un)];
};

/**
 * A duplicate of the target's socket.
 * Return: close() it; -1 if it cannot be had: then the kernel has the right error for the target.
 */
int request_socket(struct notify_request *request);

/** Answer when there is something to receive on *fd, which is taken over. Return: CALL_WAITS. */
int request_wait(struct notify_request *request, int *fd);

/**
 * Copy an address out of the target's memory.
 * Return: false if no policy has anything to decide: not local, no port, no name, unreadable.
 */
bool request_copy_address(const struct notify_request *request, uint64_t from, uint64_t len,
                          enum berth_addr_use use, struct request_address *ret);

/**
 * Ask the policy about a destination, leave its note, and put the real port or name into @address.
 * @proto	as request_proto(); a port always passes if it is -1
 */
enum berth_verdict request_outbound(const struct notify_request *request, int proto,
                                    struct request_address *address);

/** Put the virtual port into an address from the kernel. Return: false if nothing has changed. */
bool request_restore_port(const struct berth_portmap *map, void *name, socklen_t len);

/**
 * Write an address to where the call wants it, cut off at @space as move_addr_to_user() does, and
 * its full length.
 * Return: 0; -EFAULT; -ESRCH.
 */
int request_write_name(const struct notify_request *request, const struct sockaddr_storage *name,
                       socklen_t full, socklen_t space);

/** Leave the note of @decision, if there is one and it is news. */
void request_note_decision(const struct notify_request *request,
                           const struct berth_decision *decision, const struct berth_ip *ip);

/** Leave a note about the program that the target runs, once for each program. */
void request_note_program(const struct notify_request *request, enum berth_note_kind kind,
                          int error);

/** Return: BERTH_TCP or BERTH_UDP; -1 if the socket is neither. */
int request_proto(int fd);
bool request_blocks(int fd);
int request_result(long ret); /* -errno, or what the call returned */

/**
 * Give the calls on a blocking socket one clock tick.
 * @option	SO_SNDTIMEO or SO_RCVTIMEO; O_NONBLOCK would be seen by every holder of the socket
 * Return: the old limit, to be put back.
 */
struct timeval request_limit(int fd, int option);

int on_bind(struct notify_request *request);
int on_connect(struct notify_request *request);
int on_name(struct notify_request *request);
int on_accept(struct notify_request *request);
int on_sendto(struct notify_request *request);
int on_sendmsg(struct notify_request *request);
int on_sendmmsg(struct notify_request *request);
int on_recvfrom(struct notify_request *request);
int on_recvmsg(struct notify_request *request);
int on_recvmmsg(struct notify_request *request);

#endif
