/* SPDX-License-Identifier: MIT */
/*
 * The handlers of datagrams: a send to a virtual port is made on a duplicate of the socket with a
 * copy of the data. A receive is made there, too, so that the sender's address is rewritten before
 * the target sees it.
 *
 * More data than a datagram holds is cut off. It is still too much for UDP, so the kernel says
 * EMSGSIZE; of a stream a part is a success (MSG_FASTOPEN).
 *
 * Nothing here waits: a send that finds the buffer full fails with ENOBUFS, as UDP may, and a
 * receive that finds nothing calls request_wait(). A datagram that has been received is delivered
 * or, if the target's memory is bad, lost, as the kernel would lose it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/isolate/seccomp/request.h"

enum { DATAGRAM_MAX = 65535, CONTROL_MAX = 4096 };

/* Shared by all calls: one notification at a time is answered. */
static char payload[DATAGRAM_MAX + 1];
static _Alignas(struct cmsghdr) char control[CONTROL_MAX];

static int send_real(const struct request_address *address, int fd, size_t size, int flags,
                     size_t control_len)
{
	struct iovec iov = { .iov_base = payload, .iov_len = size };
	struct msghdr message = { .msg_name = address->len ? (void *)(uintptr_t)address->bytes
		                                           : NULL };
	bool fast_open = flags & MSG_FASTOPEN && request_blocks(fd);
	struct timeval old = { 0 };
	int ret;

	message.msg_namelen = address->len;
	message.msg_iov = &iov;
	message.msg_iovlen = 1;
	message.msg_control = control_len ? control : NULL;
	message.msg_controllen = control_len;
	if (fast_open) /* the call connects, too, which takes time */
		old = request_limit(fd, SO_SNDTIMEO);
	else
		flags |= MSG_DONTWAIT;
	ret = request_result(sendmsg(fd, &message, flags | MSG_NOSIGNAL));
	if (fast_open)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &old, sizeof(old));
	/* UDP may say so at any time, send(2) */
	return ret == -EAGAIN && request_blocks(fd) ? -ENOBUFS : ret;
}

/* Return: 0 and *ret_fd, to close(), if this send is made here; CONTINUE_CALL; -errno. */
static int send_begin(struct notify_request *request, struct request_address *address, int *ret_fd)
{
	cleanup_close int fd = request_socket(request);
	int proto = fd < 0 ? -1 : request_proto(fd);

	/* a stream takes an address only to open it */
	if (proto < 0 || (proto == BERTH_TCP && !(request->call.flags & MSG_FASTOPEN)) ||
	    !target_waits(&request->target))
		return CONTINUE_CALL;
	switch (request_outbound(request, proto, address)) {
	case BERTH_REFUSE: return -ECONNREFUSED;
	case BERTH_USE: *ret_fd = steal_fd(&fd); return 0;
	case BERTH_PASS: break;
	}
	return CONTINUE_CALL;
}

int on_sendto(struct notify_request *request)
{
	struct request_address address;
	size_t size = request->call.size < DATAGRAM_MAX ? request->call.size : DATAGRAM_MAX;
	cleanup_close int fd = -1;
	int ret;

	if (!request_copy_address(request, request->call.addr, (uint32_t)request->call.len,
	                          BERTH_ADDR_UNSPEC_IS_INET, &address) ||
	    address.is_name)
		return CONTINUE_CALL;
	ret = send_begin(request, &address, &fd);
	if (ret)
		return ret;
	if (size && !target_read(&request->target, request->call.data, payload, size))
		return -EFAULT;
	return send_real(&address, fd, size, request->call.flags, 0);
}

/* Send the data of @message to @address; .len 0 = none. */
static int send_with(const struct notify_request *request, int fd, const struct msghdr *message,
                     const struct request_address *address)
{
	ssize_t size;

	if (message->msg_controllen > CONTROL_MAX)
		return -ENOBUFS;
	if (message->msg_controllen &&
	    !target_read(&request->target, (uintptr_t)message->msg_control, control,
	                 message->msg_controllen))
		return -EFAULT;
	size = target_gather(&request->target, (uintptr_t)message->msg_iov, message->msg_iovlen,
	                     payload, DATAGRAM_MAX);
	if (size < 0)
		return (int)size;
	return send_real(address, fd, (size_t)size, request->call.flags, message->msg_controllen);
}

/*
 * Copy the message at @at and its address. Return: false if the port policy has nothing to decide.
 */
static bool has_address(const struct notify_request *request, uint64_t at,
                        struct msghdr *ret_message, struct request_address *ret_address)
{
	return target_read(&request->target, at, ret_message, sizeof(*ret_message)) &&
	       ret_message->msg_name &&
	       request_copy_address(request, (uintptr_t)ret_message->msg_name,
	                            ret_message->msg_namelen, BERTH_ADDR_UNSPEC_IS_INET,
	                            ret_address) &&
	       !ret_address->is_name;
}

int on_sendmsg(struct notify_request *request)
{
	struct msghdr message;
	struct request_address address;
	cleanup_close int fd = -1;
	int ret;

	if (!has_address(request, request->call.addr, &message, &address))
		return CONTINUE_CALL;
	ret = send_begin(request, &address, &fd);
	return ret ? ret : send_with(request, fd, &message, &address);
}

/* One of several messages. It is sent here in any case: the kernel makes whole calls only. */
static int send_one_of(struct notify_request *request, int fd, uint64_t at)
{
	struct msghdr message;
	struct request_address address;

	if (has_address(request, at, &message, &address)) {
		if (request_outbound(request, request_proto(fd), &address) == BERTH_REFUSE)
			return -ECONNREFUSED;
		return send_with(request, fd, &message, &address);
	}
	if (!target_read(&request->target, at, &message, sizeof(message)))
		return -EFAULT;
	address.len = message.msg_name ? message.msg_namelen : 0;
	if (address.len > sizeof(address.bytes) && address.len <= sizeof(struct sockaddr_storage))
		address.len = sizeof(address.bytes);
	if (address.len > sizeof(address.bytes))
		return -EINVAL;
	if (address.len &&
	    !target_read(&request->target, (uintptr_t)message.msg_name, address.bytes, address.len))
		return -EFAULT;
	return send_with(request, fd, &message, &address);
}

static bool any_has_address(const struct notify_request *request, uint64_t count)
{
	struct msghdr message;
	struct request_address address;

	for (uint64_t i = 0; i < count; i++)
		if (has_address(request, request->call.addr + i * sizeof(struct mmsghdr), &message,
		                &address))
			return true;
	return false;
}

int on_sendmmsg(struct notify_request *request)
{
	uint64_t count = request->call.size < IOV_MAX ? request->call.size : IOV_MAX;
	cleanup_close int fd = any_has_address(request, count) ? request_socket(request) : -1;
	int sent = 0;

	if (fd < 0 || request_proto(fd) != BERTH_UDP || !target_waits(&request->target))
		return CONTINUE_CALL;
	for (; (uint64_t)sent < count; sent++) {
		uint64_t at = request->call.addr + (uint64_t)sent * sizeof(struct mmsghdr);
		int ret = send_one_of(request, fd, at);
		unsigned int len = (unsigned int)ret;

		if (ret >= 0 &&
		    !target_write(&request->target, at + offsetof(struct mmsghdr, msg_len), &len,
		                  sizeof(len)))
			ret = -EFAULT;
		if (ret < 0)
			return sent ? sent : ret; /* a part is a success, sendmmsg(2) */
	}
	return sent;
}

/* --- receiving -------------------------------------------------------------------------------- */

struct received {
	struct sockaddr_storage name;
	struct msghdr message;
	struct iovec iov;
	int size; /* what the call returns */
};

/* Receive one message of at most @space bytes. Return: 0; -EAGAIN; -errno. */
static int receive(int fd, int flags, size_t space, size_t control_space, struct received *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->iov = (struct iovec){ .iov_base = payload,
		                   .iov_len = space < DATAGRAM_MAX ? space : DATAGRAM_MAX };
	ret->message.msg_name = &ret->name;
	ret->message.msg_namelen = sizeof(ret->name);
	ret->message.msg_iov = &ret->iov;
	ret->message.msg_iovlen = 1;
	ret->message.msg_control = control_space ? control : NULL;
	ret->message.msg_controllen = control_space < CONTROL_MAX ? control_space : CONTROL_MAX;
	ret->size = request_result(recvmsg(fd, &ret->message, flags | MSG_DONTWAIT));
	return ret->size < 0 ? ret->size : 0;
}

/* Bytes that were received: with MSG_TRUNC the call may return more. */
static size_t data_len(const struct received *received)
{
	return (size_t)received->size < received->iov.iov_len ? (size_t)received->size
	                                                      : received->iov.iov_len;
}

/* Return: a descriptor, to close(), if this receive is made here; -1 if the kernel makes it. */
static int receive_begin(struct notify_request *request)
{
	cleanup_close int fd = request_socket(request);

	if (fd < 0 || request_proto(fd) != BERTH_UDP || !target_waits(&request->target))
		return -1;
	return steal_fd(&fd);
}

static bool may_wait(const struct notify_request *request, int fd)
{
	return !(request->call.flags & (MSG_DONTWAIT | MSG_ERRQUEUE)) && request_blocks(fd);
}

int on_recvfrom(struct notify_request *request)
{
	struct received received;
	cleanup_close int fd = -1;
	socklen_t space = 0;
	int ret;

	if (!target_read(&request->target, request->call.len, &space, sizeof(space)) ||
	    space > INT_MAX)
		return CONTINUE_CALL;
	fd = receive_begin(request);
	if (fd < 0)
		return CONTINUE_CALL;
	ret = receive(fd, request->call.flags, request->call.size, 0, &received);
	if (ret == -EAGAIN && may_wait(request, fd))
		return request_wait(request, &fd);
	if (ret)
		return ret;
	if (data_len(&received) &&
	    !target_write(&request->target, request->call.data, payload, data_len(&received)))
		return -EFAULT;
	request_restore_port(request->map, &received.name, received.message.msg_namelen);
	ret = request_write_name(request, &received.name, received.message.msg_namelen, space);
	return ret ? ret : received.size;
}

/* The original destination of a datagram, for programs that ask for it (IP_RECVORIGDSTADDR). */
static void restore_control(const struct notify_request *request, struct msghdr *message)
{
	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at))
		if ((at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_ORIGDSTADDR) ||
		    (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_ORIGDSTADDR))
			request_restore_port(request->map, CMSG_DATA(at),
			                     (socklen_t)(at->cmsg_len - CMSG_LEN(0)));
}

/* Write what was received into the target's message at @at, whose header is @message. */
static int deliver(const struct notify_request *request, uint64_t at, struct msghdr *message,
                   struct received *received)
{
	socklen_t full = received->message.msg_namelen;
	size_t space = message->msg_namelen;

	if (!target_scatter(&request->target, (uintptr_t)message->msg_iov, message->msg_iovlen,
	                    payload, data_len(received)))
		return -EFAULT;
	request_restore_port(request->map, &received->name, full);
	restore_control(request, &received->message);
	if (message->msg_name && !target_write(&request->target, (uintptr_t)message->msg_name,
	                                       &received->name, space < full ? space : full))
		return -EFAULT;
	if (received->message.msg_controllen &&
	    !target_write(&request->target, (uintptr_t)message->msg_control, control,
	                  received->message.msg_controllen))
		return -EFAULT;
	if (message->msg_name)
		message->msg_namelen = full;
	message->msg_controllen = received->message.msg_controllen;
	message->msg_flags = received->message.msg_flags;
	return target_write(&request->target, at, message, sizeof(*message)) ? received->size
	                                                                     : -EFAULT;
}

/* Return: the size of the message; CONTINUE_CALL if it cannot be read; -errno. */
static int receive_message(const struct notify_request *request, int fd, int flags, uint64_t at)
{
	struct received received;
	struct msghdr message;
	ssize_t space;
	int ret;

	if (!target_read(&request->target, at, &message, sizeof(message)) ||
	    (int)message.msg_namelen < 0)
		return CONTINUE_CALL;
	space = target_space(&request->target, (uintptr_t)message.msg_iov, message.msg_iovlen);
	if (space < 0)
		return CONTINUE_CALL;
	ret = receive(fd, flags, (size_t)space, message.msg_control ? message.msg_controllen : 0,
	              &received);
	return ret ? ret : deliver(request, at, &message, &received);
}

int on_recvmsg(struct notify_request *request)
{
	cleanup_close int fd = receive_begin(request);
	int ret;

	if (fd < 0)
		return CONTINUE_CALL;
	ret = receive_message(request, fd, request->call.flags, request->call.addr);
	return ret == -EAGAIN && may_wait(request, fd) ? request_wait(request, &fd) : ret;
}

/*
 * A call with a time limit continues if there is nothing to receive: the kernel ends it in time.
 * Unlike sendmmsg(2), it takes more than IOV_MAX messages.
 */
int on_recvmmsg(struct notify_request *request)
{
	cleanup_close int fd = receive_begin(request);
	unsigned int count = (unsigned int)request->call.size;
	unsigned int *done = &request->wait->done;

	if (fd < 0)
		return CONTINUE_CALL;
	while (*done < count) {
		uint64_t at = request->call.addr + *done * sizeof(struct mmsghdr);
		int ret = receive_message(request, fd, request->call.flags & ~MSG_WAITFORONE, at);
		unsigned int len = (unsigned int)ret;

		if (ret == -EAGAIN && may_wait(request, fd) &&
		    !(*done && request->call.flags & MSG_WAITFORONE))
			return request->call.len ? (*done ? (int)*done : CONTINUE_CALL)
			                         : request_wait(request, &fd);
		if (ret < 0)
			return *done ? (int)*done : ret;
		if (!target_write(&request->target, at + offsetof(struct mmsghdr, msg_len), &len,
		                  sizeof(len)))
			return *done ? (int)*done : -EFAULT;
		++*done;
	}
	return *done ? (int)*done : CONTINUE_CALL;
}
