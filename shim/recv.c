/* SPDX-License-Identifier: MIT */
/*
 * recvfrom(2), recvmsg(2), recvmmsg(2): the sender of a datagram. A reply must seem to come from
 * the port that the program sent to, or resolvers and DTLS drop it. Also the original destination,
 * in the control data of programs that ask for it (IP_RECVORIGDSTADDR).
 */
#include "shim/shim.h"

/* Everything that is read here was written by the kernel, as far as the lengths say. */
static void restore_control(const struct berth_portmap *map, const struct msghdr *msg)
{
	unsigned char *at = msg->msg_control;
	size_t left = map && at ? msg->msg_controllen : 0, size;
	struct cmsghdr head;

	for (; left >= sizeof(head); at += size, left -= size) {
		__builtin_memcpy(&head, at, sizeof(head));
		if (head.cmsg_len < sizeof(head) || head.cmsg_len > left)
			return;
		if ((head.cmsg_level == IPPROTO_IP && head.cmsg_type == IP_ORIGDSTADDR) ||
		    (head.cmsg_level == IPPROTO_IPV6 && head.cmsg_type == IPV6_ORIGDSTADDR))
			(void)shim_address_restore(map, at + sizeof(head),
			                           (socklen_t)(head.cmsg_len - sizeof(head)),
			                           (socklen_t)(head.cmsg_len - sizeof(head)));
		size = CMSG_ALIGN(head.cmsg_len) < left ? CMSG_ALIGN(head.cmsg_len) : left;
	}
}

EXPORT ssize_t recvfrom(int fd, void *restrict data, size_t size, int flags,
                        struct sockaddr *restrict sa, socklen_t *restrict len)
{
	struct berth_portmap *map = sa ? shim_attached() : NULL;
	socklen_t space = map ? shim_address_space(sa, len) : 0;
	ssize_t ret;

	if (shim_next.recvfrom)
		ret = shim_next.recvfrom(fd, data, size, flags, sa, len);
	else
		ret = shim_result(
			sys6(SYS_recvfrom, fd, (long)data, (long)size, flags, (long)sa, (long)len));
	if (ret >= 0 && space)
		*len = shim_address_restore(map, sa, space, *len);
	return ret;
}

/*
 * recvfrom() in a program built with _FORTIFY_SOURCE; @buffer is the size that the compiler knows.
 */
ssize_t __recvfrom_chk(int fd, void *data, size_t size, size_t buffer, int flags,
                       struct sockaddr *sa, socklen_t *len);

EXPORT ssize_t __recvfrom_chk(int fd, void *data, size_t size, size_t buffer, int flags,
                              struct sockaddr *sa, socklen_t *len)
{
	struct berth_portmap *map = sa ? shim_attached() : NULL;
	socklen_t space = map ? shim_address_space(sa, len) : 0;
	ssize_t ret;

	if (!shim_next.__recvfrom_chk)
		return recvfrom(fd, data, size, flags, sa, len);
	ret = shim_next.__recvfrom_chk(fd, data, size, buffer, flags, sa, len);
	if (ret >= 0 && space)
		*len = shim_address_restore(map, sa, space, *len);
	return ret;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct berth_portmap *map = shim_attached();
	socklen_t space = 0;
	ssize_t ret;

	if (map && msg && shim_readable(msg, sizeof(*msg)) && msg->msg_name)
		space = msg->msg_namelen;
	ret = shim_next.recvmsg ? shim_next.recvmsg(fd, msg, flags)
	                        : shim_result(sys(SYS_recvmsg, fd, msg, flags, 0, 0));
	if (ret >= 0 && space)
		msg->msg_namelen = shim_address_restore(map, msg->msg_name, space,
		                                        msg->msg_namelen);
	if (ret >= 0)
		restore_control(map, msg);
	return ret;
}

/*
 * The kernel overwrites msg_namelen with the address's full length, so the space that the caller
 * offered is saved before: one byte for each header. Unlike sendmmsg(2), the call has no upper
 * limit.
 */
EXPORT int recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags,
                    struct timespec *timeout)
{
	/* MAX bounds the stack; any size above sockaddr_in6 has the same effect */
	enum { MAX = 16384, LONG_ENOUGH = 255 };
	struct berth_portmap *map = shim_attached();
	unsigned int kept = map && messages
	                            ? shim_readable_messages(messages, count < MAX ? count : MAX)
	                            : 0;
	unsigned char space[kept + 1];
	int ret;

	for (unsigned int i = 0; i < kept; i++) {
		socklen_t offered = messages[i].msg_hdr.msg_name ? messages[i].msg_hdr.msg_namelen
		                                                 : 0;

		space[i] = offered < LONG_ENOUGH ? (unsigned char)offered : LONG_ENOUGH;
	}
	ret = shim_next.recvmmsg
	              ? shim_next.recvmmsg(fd, messages, count, flags, timeout)
	              : (int)shim_result(sys(SYS_recvmmsg, fd, messages, count, flags, timeout));
	for (int i = 0; i < ret && i < (int)kept; i++)
		if (space[i])
			messages[i].msg_hdr.msg_namelen = shim_address_restore(
				map, messages[i].msg_hdr.msg_name, space[i],
				messages[i].msg_hdr.msg_namelen);
	for (int i = 0; map && i < ret; i++)
		restore_control(map, &messages[i].msg_hdr);
	return ret;
}
