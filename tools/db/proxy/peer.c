/* SPDX-License-Identifier: MIT */
/*
 * sock_diag(7) knows the user of a TCP socket on this machine: ask it for the socket with the two
 * addresses exchanged. A socket keeps its user, whichever process holds it, as with SO_PEERCRED.
 *
 * A socket that no process holds open has no user here. That is so if its client has sent all and
 * closed. Kernels report root for it, who may connect anywhere: in FIN_WAIT2 and TIME_WAIT, and
 * older kernels from its close on.
 */
#include "tools/db/proxy/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/base/diag.h"
#include "tools/base/unix.h"

static void read_end(const struct sockaddr_storage *end, struct berth_ip *ret_ip,
                     uint16_t *ret_port)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)end;
	const struct sockaddr_in *four = (const struct sockaddr_in *)end;

	*ret_port = ntohs(end->ss_family == AF_INET ? four->sin_port : six->sin6_port);
	if (end->ss_family == AF_INET)
		*ret_ip = (struct berth_ip){ { 0, 0, htonl(0xffff), four->sin_addr.s_addr } };
	else
		memcpy(ret_ip->word_be, &six->sin6_addr, sizeof(ret_ip->word_be));
}

/* Return: false if the kernel does not know the user. */
static bool user_at(const struct sockaddr_storage *remote, const struct sockaddr_storage *local,
                    uid_t *ret_uid)
{
	struct diag_socket theirs = { .proto = BERTH_TCP, .family = (uint8_t)remote->ss_family };
	struct diag *diag;
	int ret;

	read_end(remote, &theirs.local, &theirs.local_port);
	read_end(local, &theirs.remote, &theirs.remote_port);
	if (diag_open(-1, &diag))
		return false;
	ret = diag_find(diag, &theirs);
	diag_close(diag);
	*ret_uid = theirs.uid;
	return !ret && theirs.inode;
}

bool peer_is_ours(int fd)
{
	struct sockaddr_storage local = { 0 }, remote = { 0 };
	socklen_t local_len = sizeof(local), remote_len = sizeof(remote);
	uid_t uid;

	if (!geteuid())
		return true;
	if (getsockname(fd, (struct sockaddr *)&local, &local_len) ||
	    getpeername(fd, (struct sockaddr *)&remote, &remote_len))
		return false;
	if (local.ss_family == AF_UNIX)
		return unix_is_ours(fd);
	return user_at(&remote, &local, &uid) && (!uid || uid == geteuid());
}
