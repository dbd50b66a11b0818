/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PEER_H
#define BERTH_DB_PEER_H
/* Who is at the other end of a local connection. */
#include <stdbool.h>

/**
 * @fd		connected: a unix socket, or TCP over loopback
 * Return: true if the other end is root's, of the user who we are, or, if we are root, of anybody: a worker may have changed its
 * user. False also if the kernel does not say.
 */
bool peer_is_ours(int fd);

#endif
