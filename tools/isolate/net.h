/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_NET_H
#define BERTH_ISOLATE_NET_H
/*
 * The net: processes under a seccomp filter, whose calls are answered here. A process comes under it in one of two ways:
 *
 *	net_enter(), net_receive()	the worker's first process, between fork and exec: everything it starts is caught
 *	net_serve()			the launcher (tools/isolate/launch.c), which the shim's exec hook puts before a program
 *					that the shim cannot enter; it hands its listener over a unix socket
 *
 * Owner of all listeners and of the handover socket: struct net. Functions return 0 or -errno.
 */
#include <sys/types.h>

#include "core/portmap.h"
#include "tools/base/loop.h"

struct net;

/**
 * @datagrams	also look at the addresses of messages: sendmsg(2), recvmsg(2), recvfrom(2) and their like
 * Return: 0; -errno: no libseccomp filter can be built here.
 */
int net_open(struct loop *loop, unsigned int workers, bool datagrams, struct net **ret_net);
void net_close(struct net *net);

/* From now on worker @number has @map. */
void net_worker_begin(struct net *net, unsigned int number, struct berth_portmap *map);
void net_worker_end(struct net *net, unsigned int number);

/**
 * Bring the calling process, a child of ours with one thread, under the net; waits for the other side.
 * @channel	one end of a socket pair; net_receive() has the other
 * Return: 0; -EBUSY another supervisor has this process; -EPIPE ours is gone; -errno of seccomp(2).
 */
int net_enter(const struct net *net, int channel);

/**
 * Fetch the listener of child @pid, which is in net_enter() or will be.
 * Return: 0, also if the child gave up or died; -ETIMEDOUT; -errno.
 */
int net_receive(struct net *net, unsigned int number, int channel, pid_t pid);

/** Serve launchers on the unix socket @path. */
int net_serve(struct net *net, const char *path);

/* The handover, in sequenced packets: launcher says hello, gets the filter's instructions, installs them, says which of its
 * descriptors is the listener, gets one byte. */
struct net_hello {
	uint32_t magic;  /* NET_MAGIC */
	uint32_t worker; /* 1..N */
};
struct net_listener_is {
	int32_t fd; /* in the launcher; -errno if the filter could not be installed */
};
enum { NET_MAGIC = 0x4e455431, NET_DEADLINE_MS = 10000, NET_GO = 'g', NET_NO = 'n' /* the byte */ };

#endif
