/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_CALL_H
#define BERTH_ISOLATE_SECCOMP_CALL_H
/*
 * The decoder of notifications: the numbers of struct seccomp_data, by name. Pure. Every field of
 * the result comes from the target and may be anything.
 */
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

enum notify_kind {
	NOTIFY_OTHER,        /* not a known call: let it pass */
	NOTIFY_FOREIGN_ARCH, /* a 32-bit call: refused */
	NOTIFY_IO_URING,     /* io_uring_setup: refused */
	NOTIFY_BIND,
	NOTIFY_CONNECT,
	NOTIFY_SENDTO,
	NOTIFY_SENDMSG,
	NOTIFY_SENDMMSG,
	NOTIFY_RECVFROM,
	NOTIFY_RECVMSG,
	NOTIFY_RECVMMSG,
	NOTIFY_ACCEPT, /* accept and accept4 */
	NOTIFY_SOCKNAME,
	NOTIFY_PEERNAME,
	NOTIFY_KINDS
};

struct notify_call {
	enum notify_kind kind;
	int fd; /* the target's */
	/* of a socket address, or of a struct msghdr or mmsghdr, in the target's memory */
	uint64_t addr;
	/*
	 * bytes of the address, or where the socklen_t of a returned one is; RECVMMSG: time limit
	 */
	uint64_t len;
	/* SENDTO, RECVFROM: the datagram; SENDMMSG, RECVMMSG: size is the number of messages */
	uint64_t data, size;
	int flags; /* of accept4, the sends and the receives */
};

struct notify_call notify_decode(const struct seccomp_data *data);

#endif
