/* SPDX-License-Identifier: MIT */
/* /proc/self/fd/N/NAME is short, however long the path of the directory is. */
#include "tools/base/unix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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

bool unix_is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (!peer.uid || peer.uid == geteuid());
}
