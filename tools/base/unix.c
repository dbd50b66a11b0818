/* SPDX-License-Identifier: MIT */
/* /proc/self/fd/N/NAME is short, however long the path of the directory is. */
#include "tools/base/unix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int unix_address(const char *dir, const char *name, struct sockaddr_un *ret_address, int *ret_dir)
{
	*ret_dir = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir < 0)
		return -errno;
	*ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "/proc/self/fd/%d/%s",
	         *ret_dir, name);
	return 0;
}

union fds_buffer {
	struct cmsghdr align;
	char space[CMSG_SPACE(UNIX_FDS_MAX * sizeof(int))];
};

int unix_send_fds(int fd, const void *data, size_t len, const int *fds, unsigned int count)
{
	union fds_buffer control = { 0 };
	struct iovec io = { (void *)(uintptr_t)data, len };
	struct msghdr message = { .msg_iov = &io,
		                  .msg_iovlen = 1,
		                  .msg_control = &control,
		                  .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	if (fd < 0)
		return -EPIPE;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

ssize_t unix_receive_fds(int fd, void *data, size_t len, int *ret_fds, unsigned int count)
{
	union fds_buffer control;
	struct iovec io = { data, len };
	struct msghdr message = { .msg_iov = &io,
		                  .msg_iovlen = 1,
		                  .msg_control = &control,
		                  .msg_controllen = CMSG_SPACE(count * sizeof(int)) };
	ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *header = got < 0 ? NULL : CMSG_FIRSTHDR(&message);

	for (unsigned int i = 0; i < count; i++)
		ret_fds[i] = -1;
	if (got < 0)
		return -errno;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fds, CMSG_DATA(header), header->cmsg_len - CMSG_LEN(0));
	return got;
}

bool unix_is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (!peer.uid || peer.uid == geteuid());
}
