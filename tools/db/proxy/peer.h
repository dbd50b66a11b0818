/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PEER_H
#define BERTH_DB_PEER_H
/* The user at the other end of a local connection. */
#include <stdbool.h>

/**
 * @fd	connected: a unix socket, or TCP over loopback
 * Return: true if the other end belongs to root or to this process's user, or if this process is
 * root, because a worker may have changed its user. False if the kernel does not know.
 */
bool peer_is_ours(int fd);

#endif
