/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_LISTENER_H
#define BERTH_ISOLATE_SECCOMP_LISTENER_H
/*
 * The seccomp listener: the supervisor's side of user notification, seccomp_unotify(2). A process
 * installs the seccomp filter in one of two ways:
 *
 *	listener_enter(), listener_receive()
 *		the worker's first process, between fork and exec: its children inherit the filter
 *	listener_serve()
 *		the launcher (tools/isolate/launch.c), which the shim's exec hook puts before a
 *		program that the shim cannot enter; a Unix socket hands over its descriptor
 *
 * struct listener owns all notification descriptors and the socket for launchers.
 * Functions return 0 or -errno.
 */
#include <sys/types.h>

#include "core/portmap.h"
#include "tools/base/loop.h"

struct listener;

/**
 * @datagrams	also rewrite the addresses of sendmsg(2), recvmsg(2), recvfrom(2), ...
 * Return: 0; -errno: no libseccomp filter can be built here.
 */
int listener_open(struct loop *loop, unsigned int workers, bool datagrams,
                  struct listener **ret_listener);
void listener_close(struct listener *listener);

/* From now on worker @number has @map. */
void listener_worker_begin(struct listener *listener, unsigned int number,
                           struct berth_portmap *map);
void listener_worker_end(struct listener *listener, unsigned int number);

/**
 * Install the filter in the calling process, a child of ours with one thread, and wait until
 * listener_receive() has the notification descriptor.
 * @channel	one end of a socket pair; listener_receive() has the other
 * Return: 0; -EBUSY another supervisor has this process; -EPIPE ours is gone; -errno of seccomp(2).
 */
int listener_enter(const struct listener *listener, int channel);

/**
 * Fetch the listener of child @pid, which is in listener_enter() or will be.
 * Return: 0, also if the child gave up or died; -ETIMEDOUT; -errno.
 */
int listener_receive(struct listener *listener, unsigned int number, int channel, pid_t pid);

/** Serve launchers on the unix socket @path. */
int listener_serve(struct listener *listener, const char *path);

/*
 * The handover, in sequenced packets: launcher says hello, gets the filter's instructions, installs
 * them, says which of its descriptors is the listener, gets one byte.
 */
struct listener_hello {
	uint32_t magic;  /* LISTENER_MAGIC */
	uint32_t worker; /* 1..N */
};
struct listener_offer {
	int32_t fd; /* in the launcher; -errno if the filter could not be installed */
};
enum {
	LISTENER_MAGIC = 0x4e455431,
	LISTENER_DEADLINE_MS = 10000,
	LISTENER_GO = 'g',
	LISTENER_NO = 'n' /* the byte */
};

#endif
