/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_UNIX_H
#define BERTH_BASE_UNIX_H
/* Unix sockets in a directory whose path may be longer than sun_path (108 bytes, unix(7)). */
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

/**
 * Make the address of socket @name in directory @dir.
 * @ret_dir	a descriptor, the caller's to close; the address is valid while it is open
 * Return: 0; -errno.
 */
int unix_address(const char *dir, const char *name, struct sockaddr_un *ret_address, int *ret_dir);

/** True if the process at the other end of @fd belongs to our user or to root. */
bool unix_is_ours(int fd);

#endif
