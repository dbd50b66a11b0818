/* SPDX-License-Identifier: MIT */
#ifndef BERTH_BASE_UNIX_H
#define BERTH_BASE_UNIX_H
/* Unix sockets in a directory whose path may be longer than sun_path (108 bytes, unix(7)). */
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/**
 * Make the address of socket @name in directory @dir.
 * @ret_dir	a descriptor, the caller's to close; the address is valid while it is open
 * Return: 0; -errno.
 */
int unix_address(const char *dir, const char *name, struct sockaddr_un *ret_address, int *ret_dir);

/**
 * Send one message with @count descriptors, at most UNIX_FDS_MAX, which stay the caller's.
 * Return: 0; -errno.
 */
enum { UNIX_FDS_MAX = 8 };
int unix_send_fds(int fd, const void *data, size_t len, const int *fds, unsigned int count);

/**
 * Receive one message without waiting.
 * @ret_fds	@count descriptors, close-on-exec, the caller's to close; -1 where none came
 * Return: its length; 0 end of file; -EAGAIN no message; -errno.
 */
ssize_t unix_receive_fds(int fd, void *data, size_t len, int *ret_fds, unsigned int count);

/** True if the process at the other end of @fd belongs to our user or to root. */
bool unix_is_ours(int fd);

#endif
