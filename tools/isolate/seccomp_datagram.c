/* SPDX-License-Identifier: MIT */
/*
 * Datagrams: a send to a virtual port is made on our duplicate with a copy of the data, a receive is made there too, so that
 * the sender's address can be mended before the target sees it.
 *
 * More data than a datagram holds is cut: too much for UDP still, so that the kernel says EMSGSIZE, and of a stream a part is a
 * success (MSG_FASTOPEN).
 *
 * Laws: nothing here waits; a send that finds the buffer full says ENOBUFS, which UDP may always say, and a receive that finds
 * nothing goes through asked_wait(). Once a datagram has been taken out of the socket it is delivered or, if the target's
 * memory is not what it said, lost, as the kernel would lose it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/isolate/seccomp_asked.h"

enum { DATAGRAM_MAX = 65535, CONTROL_MAX = 4096 };

/* One notification at a time is answered. */
static char payload[DATAGRAM_MAX + 1];
static _Alignas(struct cmsghdr) char control[CONTROL_MAX];

static int send_real(const struct address *address, int fd, size_t size, int flags,
                     size_t control_len)
{
	struct iovec iov = { .iov_base = payload, .iov_len = size };
	struct msghdr message = { .msg_name = address->len ? (void *)(uintptr_t)address->bytes
		                                           : NULL };
	bool fast_open = flags & MSG_FASTOPEN && asked_blocks(fd);
	struct timeval old = { 0 };
	int ret;

	message.msg_namelen = address->len;
	message.msg_iov = &iov;
	message.msg_iovlen = 1;
	message.msg_control = control_len ? control : NULL;
	message.msg_controllen = control_len;
	if (fast_open) /* the call connects as well, which takes its time */
		old = asked_tick(fd, SO_SNDTIMEO, &asked_one_tick);
	else
		flags |= MSG_DONTWAIT;
	ret = asked_result(sendmsg(fd, &message, flags | MSG_NOSIGNAL));
	if (fast_open)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &old, sizeof(old));
	/* A full buffer is not waited for; UDP may always answer so, send(2). */
	return ret == -EAGAIN && asked_blocks(fd) ? -ENOBUFS : ret;
}

/* Is this send to be made here? Return: 0 and *ret_fd, close() it; GO_ON; -errno. */
static int send_begin(struct asked *asked, struct address *address, int *ret_fd)
{
	cleanup_close int fd = asked_socket(asked);
	int proto = fd < 0 ? -1 : asked_proto(fd);

	/* a stream takes no address, but for the one that opens it */
	if (proto < 0 || (proto == BERTH_TCP && !(asked->call.flags & MSG_FASTOPEN)) ||
	    !target_waits(&asked->target))
		return GO_ON;
	switch (asked_outbound(asked, proto, address)) {
	case REFUSED: return -ECONNREFUSED;
	case REWRITTEN: *ret_fd = steal_fd(&fd); return 0;
	case AS_IS: break;
	}
	return GO_ON;
}

int on_sendto(struct asked *asked)
{
	struct address address;
	size_t size = asked->call.size < DATAGRAM_MAX ? asked->call.size : DATAGRAM_MAX;
	cleanup_close int fd = -1;
	int ret;

	if (!asked_take(asked, asked->call.addr, (uint32_t)asked->call.len,
	                BERTH_ADDR_UNSPEC_IS_INET, &address))
		return GO_ON;
	ret = send_begin(asked, &address, &fd);
	if (ret)
		return ret;
	if (size && !target_read(&asked->target, asked->call.data, payload, size))
		return -EFAULT;
	return send_real(&address, fd, size, asked->call.flags, 0);
}

/* Send @message's data to @address, which is empty if the message names none. */
static int send_with(const struct asked *asked, int fd, const struct msghdr *message,
                     const struct address *address)
{
	ssize_t size;

	if (message->msg_controllen > CONTROL_MAX)
		return -ENOBUFS;
	if (message->msg_controllen && !target_read(&asked->target, (uintptr_t)message->msg_control,
	                                            control, message->msg_controllen))
		return -EFAULT;
	size = target_gather(&asked->target, (uintptr_t)message->msg_iov, message->msg_iovlen,
	                     payload, DATAGRAM_MAX);
	if (size < 0)
		return (int)size;
	return send_real(address, fd, (size_t)size, asked->call.flags, message->msg_controllen);
}

/* The address that a message names. Return: false if it is not the worker's business. */
static bool names_ours(const struct asked *asked, uint64_t at, struct msghdr *ret_message,
                       struct address *ret_address)
{
	return target_read(&asked->target, at, ret_message, sizeof(*ret_message)) &&
	       ret_message->msg_name &&
	       asked_take(asked, (uintptr_t)ret_message->msg_name, ret_message->msg_namelen,
	                  BERTH_ADDR_UNSPEC_IS_INET, ret_address);
}

int on_sendmsg(struct asked *asked)
{
	struct msghdr message;
	struct address address;
	cleanup_close int fd = -1;
	int ret;

	if (!names_ours(asked, asked->call.addr, &message, &address))
		return GO_ON;
	ret = send_begin(asked, &address, &fd);
	return ret ? ret : send_with(asked, fd, &message, &address);
}

/* One of several messages, which is sent by us whatever it names: the kernel cannot be given the middle of a call. */
static int send_one_of(struct asked *asked, int fd, uint64_t at)
{
	struct msghdr message;
	struct address address;

	if (names_ours(asked, at, &message, &address)) {
		if (asked_outbound(asked, asked_proto(fd), &address) == REFUSED)
			return -ECONNREFUSED;
		return send_with(asked, fd, &message, &address);
	}
	if (!target_read(&asked->target, at, &message, sizeof(message)))
		return -EFAULT;
	address.len = message.msg_name ? message.msg_namelen : 0;
	if (address.len > sizeof(address.bytes) && address.len <= sizeof(struct sockaddr_storage))
		address.len = sizeof(address.bytes);
	if (address.len > sizeof(address.bytes))
		return -EINVAL;
	if (address.len &&
	    !target_read(&asked->target, (uintptr_t)message.msg_name, address.bytes, address.len))
		return -EFAULT;
	return send_with(asked, fd, &message, &address);
}

static bool any_names_ours(const struct asked *asked, uint64_t count)
{
	struct msghdr message;
	struct address address;

	for (uint64_t i = 0; i < count; i++)
		if (names_ours(asked, asked->call.addr + i * sizeof(struct mmsghdr), &message,
		               &address))
			return true;
	return false;
}

int on_sendmmsg(struct asked *asked)
{
	uint64_t count = asked->call.size < IOV_MAX ? asked->call.size : IOV_MAX;
	cleanup_close int fd = any_names_ours(asked, count) ? asked_socket(asked) : -1;
	int sent = 0;

	if (fd < 0 || asked_proto(fd) != BERTH_UDP || !target_waits(&asked->target))
		return GO_ON;
	for (; (uint64_t)sent < count; sent++) {
		uint64_t at = asked->call.addr + (uint64_t)sent * sizeof(struct mmsghdr);
		int ret = send_one_of(asked, fd, at);
		unsigned int len = (unsigned int)ret;

		if (ret >= 0 &&
		    !target_write(&asked->target, at + offsetof(struct mmsghdr, msg_len), &len,
		                  sizeof(len)))
			ret = -EFAULT;
		if (ret < 0)
			return sent ? sent : ret; /* a part is a success, sendmmsg(2) */
	}
	return sent;
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */

struct received {
	struct sockaddr_storage name;
	struct msghdr message;
	struct iovec iov;
	int size; /* what the call returns */
};

/* Take one message of at most @room bytes out of @fd. Return: 0; -EAGAIN; -errno. */
static int receive(int fd, int flags, size_t room, size_t control_room, struct received *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->iov = (struct iovec){ .iov_base = payload,
		                   .iov_len = room < DATAGRAM_MAX ? room : DATAGRAM_MAX };
	ret->message.msg_name = &ret->name;
	ret->message.msg_namelen = sizeof(ret->name);
	ret->message.msg_iov = &ret->iov;
	ret->message.msg_iovlen = 1;
	ret->message.msg_control = control_room ? control : NULL;
	ret->message.msg_controllen = control_room < CONTROL_MAX ? control_room : CONTROL_MAX;
	ret->size = asked_result(recvmsg(fd, &ret->message, flags | MSG_DONTWAIT));
	return ret->size < 0 ? ret->size : 0;
}

/* Bytes that came, which MSG_TRUNC makes other than what the call returns. */
static size_t data_len(const struct received *received)
{
	return (size_t)received->size < received->iov.iov_len ? (size_t)received->size
	                                                      : received->iov.iov_len;
}

/* Is this receive to be made here? Return: a descriptor, close() it; -1 if the kernel may make it. */
static int receive_begin(struct asked *asked)
{
	cleanup_close int fd = asked_socket(asked);

	if (fd < 0 || asked_proto(fd) != BERTH_UDP || !target_waits(&asked->target))
		return -1;
	return steal_fd(&fd);
}

static bool may_wait(const struct asked *asked, int fd)
{
	return !(asked->call.flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) && asked_blocks(fd);
}

int on_recvfrom(struct asked *asked)
{
	struct received received;
	cleanup_close int fd = -1;
	socklen_t room = 0;
	int ret;

	if (!target_read(&asked->target, asked->call.len, &room, sizeof(room)) || room > INT_MAX)
		return GO_ON;
	fd = receive_begin(asked);
	if (fd < 0)
		return GO_ON;
	ret = receive(fd, asked->call.flags, asked->call.size, 0, &received);
	if (ret == -EAGAIN && may_wait(asked, fd))
		return asked_wait(asked, &fd);
	if (ret)
		return ret;
	if (data_len(&received) &&
	    !target_write(&asked->target, asked->call.data, payload, data_len(&received)))
		return -EFAULT;
	asked_give(asked->map, &received.name, received.message.msg_namelen);
	ret = asked_name_out(asked, &received.name, received.message.msg_namelen, room);
	return ret ? ret : received.size;
}

/* Where a datagram was sent to, for who asks (IP_RECVORIGDSTADDR). */
static void give_control(const struct asked *asked, struct msghdr *message)
{
	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at))
		if ((at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_ORIGDSTADDR) ||
		    (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_ORIGDSTADDR))
			asked_give(asked->map, CMSG_DATA(at),
			           (socklen_t)(at->cmsg_len - CMSG_LEN(0)));
}

/* Write what came into the target's message at @at, whose header was @message. */
static int deliver(const struct asked *asked, uint64_t at, struct msghdr *message,
                   struct received *received)
{
	socklen_t full = received->message.msg_namelen;
	size_t room = message->msg_namelen;

	if (!target_scatter(&asked->target, (uintptr_t)message->msg_iov, message->msg_iovlen,
	                    payload, data_len(received)))
		return -EFAULT;
	asked_give(asked->map, &received->name, full);
	give_control(asked, &received->message);
	if (message->msg_name && !target_write(&asked->target, (uintptr_t)message->msg_name,
	                                       &received->name, room < full ? room : full))
		return -EFAULT;
	if (received->message.msg_controllen &&
	    !target_write(&asked->target, (uintptr_t)message->msg_control, control,
	                  received->message.msg_controllen))
		return -EFAULT;
	if (message->msg_name)
		message->msg_namelen = full;
	message->msg_controllen = received->message.msg_controllen;
	message->msg_flags = received->message.msg_flags;
	return target_write(&asked->target, at, message, sizeof(*message)) ? received->size
	                                                                   : -EFAULT;
}

/* Return: the size of the message; GO_ON if it cannot be read; -errno. */
static int receive_message(const struct asked *asked, int fd, int flags, uint64_t at)
{
	struct received received;
	struct msghdr message;
	ssize_t room;
	int ret;

	if (!target_read(&asked->target, at, &message, sizeof(message)) ||
	    (int)message.msg_namelen < 0)
		return GO_ON;
	room = target_room(&asked->target, (uintptr_t)message.msg_iov, message.msg_iovlen);
	if (room < 0)
		return GO_ON;
	ret = receive(fd, flags, (size_t)room, message.msg_control ? message.msg_controllen : 0,
	              &received);
	return ret ? ret : deliver(asked, at, &message, &received);
}

int on_recvmsg(struct asked *asked)
{
	cleanup_close int fd = receive_begin(asked);
	int ret;

	if (fd < 0)
		return GO_ON;
	ret = receive_message(asked, fd, asked->call.flags, asked->call.addr);
	return ret == -EAGAIN && may_wait(asked, fd) ? asked_wait(asked, &fd) : ret;
}

/*
 * A call that has a time limit of its own goes on if nothing is there: the kernel knows when it ends. Unlike sendmmsg(2), it takes
 * more than IOV_MAX messages.
 */
int on_recvmmsg(struct asked *asked)
{
	cleanup_close int fd = receive_begin(asked);
	unsigned int count = (unsigned int)asked->call.size;
	unsigned int *done = &asked->wait->done;

	if (fd < 0)
		return GO_ON;
	while (*done < count) {
		uint64_t at = asked->call.addr + *done * sizeof(struct mmsghdr);
		int ret = receive_message(asked, fd, asked->call.flags & ~MSG_WAITFORONE, at);
		unsigned int len = (unsigned int)ret;

		if (ret == -EAGAIN && may_wait(asked, fd) &&
		    !(*done && asked->call.flags & MSG_WAITFORONE))
			return asked->call.len ? (*done ? (int)*done : GO_ON)
			                       : asked_wait(asked, &fd);
		if (ret < 0)
			return *done ? (int)*done : ret;
		if (!target_write(&asked->target, at + offsetof(struct mmsghdr, msg_len), &len,
		                  sizeof(len)))
			return *done ? (int)*done : -EFAULT;
		++*done;
	}
	return *done ? (int)*done : GO_ON;
}
