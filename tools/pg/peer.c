/* SPDX-License-Identifier: MIT */
/*
 * The user of a TCP socket on this machine is told by sock_diag(7), asked for the one that has the two addresses the other way
 * round. A socket keeps its user, whoever holds it now: so does SO_PEERCRED.
 */
#include "tools/pg/peer.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/unix.h"

struct question {
	struct nlmsghdr head;
	struct inet_diag_req_v2 request;
};

struct reply {
	struct nlmsghdr head;
	struct inet_diag_msg socket;
	char attributes[1024];
};

static void put_end(const struct sockaddr_storage *end, __be16 *port, __be32 *address)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)end;
	const struct sockaddr_in *four = (const struct sockaddr_in *)end;

	*port = end->ss_family == AF_INET ? four->sin_port : six->sin6_port;
	if (end->ss_family == AF_INET)
		*address = four->sin_addr.s_addr;
	else
		memcpy(address, &six->sin6_addr, sizeof(six->sin6_addr));
}

/* Return: false if the kernel does not say. */
static bool user_at(const struct sockaddr_storage *remote, const struct sockaddr_storage *local, uid_t *ret_uid)
{
	cleanup_close int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	const struct timeval patience = { .tv_sec = 1 };
	struct question question = { .head = { sizeof(question), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0 } };
	struct inet_diag_req_v2 *request = &question.request;
	struct reply reply;
	ssize_t got;

	request->sdiag_family = (__u8)remote->ss_family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_states = ~0u;
	put_end(remote, &request->id.idiag_sport, request->id.idiag_src);
	put_end(local, &request->id.idiag_dport, request->id.idiag_dst);
	request->id.idiag_cookie[0] = request->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (netlink < 0 || setsockopt(netlink, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    send(netlink, &question, sizeof(question), 0) < 0)
		return false;
	got = recv(netlink, &reply, sizeof(reply), 0);
	if (got < (ssize_t)offsetof(struct reply, attributes) || reply.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
		return false;
	*ret_uid = reply.socket.idiag_uid;
	return true;
}

bool peer_is_ours(int fd)
{
	struct sockaddr_storage local = { 0 }, remote = { 0 };
	socklen_t local_len = sizeof(local), remote_len = sizeof(remote);
	uid_t uid;

	if (!geteuid())
		return true;
	if (getsockname(fd, (struct sockaddr *)&local, &local_len) || getpeername(fd, (struct sockaddr *)&remote, &remote_len))
		return false;
	if (local.ss_family == AF_UNIX)
		return unix_is_ours(fd);
	return user_at(&remote, &local, &uid) && (!uid || uid == geteuid());
}
