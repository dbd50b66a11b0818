/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_UNIX_H
#define BERTH_BASE_UNIX_H
/* Unix sockets in a directory whose path may be longer than sun_path (108 bytes, unix(7)). */
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

/**
 * The address of socket @name in directory @dir; it holds as long as *ret_dir, which is the caller's to close, is open.
 * Return: 0, -errno.
 */
int unix_address(const char *dir, const char *name, struct sockaddr_un *ret_address, int *ret_dir);

/** Is the other end of @fd a process of our own user, or of root? */
bool unix_is_ours(int fd);

#endif
