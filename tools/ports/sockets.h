/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PORTS_SOCKETS_H
#define BERTH_PORTS_SOCKETS_H
/* The sockets of this network namespace, as the kernel's sock_diag(7) knows them. */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/portmap.h"

struct socket_info {
	enum berth_proto proto;
	uint16_t port;		/* local, host byte order */
	bool listening;		/* TCP in LISTEN, or UDP that is not connected */
	bool time_wait;
	uint32_t inode;		/* 0 = no file refers to it */
	uid_t uid;
};

typedef void (*socket_fn)(const struct socket_info *info, void *arg);

/**
 * Call @fn for every TCP and UDP socket, IPv4 and IPv6, whose local port lies in [first, last].
 * Return: 0; -errno of netlink: the kernel or the container has no sock_diag.
 */
int sockets_each(uint16_t first, uint16_t last, socket_fn fn, void *arg);

#endif
