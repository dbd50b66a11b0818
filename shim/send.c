/* SPDX-License-Identifier: MIT */
/*
 * sendto(2), sendmsg(2), sendmmsg(2): only the destination address matters. Calls without one are
 * the data path and go straight to the next function.
 */
#include "shim/shim.h"

/* messages of a sendmmsg that are rewritten at a time: a small signal stack can hold them */
enum { CHUNK = 16 };

static ssize_t next_sendto(int fd, const void *data, size_t size, int flags, const void *sa,
                           socklen_t len)
{
	if (!shim_next.sendto)
		return shim_result(
			sys6(SYS_sendto, fd, (long)data, (long)size, flags, (long)sa, len));
	return shim_next.sendto(fd, data, size, flags, sa, len);
}

EXPORT ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *sa,
                      socklen_t len)
{
	struct berth_portmap *map = sa ? shim_attached() : NULL;
	struct shim_copy copy;
	ssize_t ret;

	if (!map)
		return next_sendto(fd, data, size, flags, sa, len);
	switch (shim_address_outbound(map, fd, sa, len, BERTH_ADDR_UNSPEC_IS_INET, &copy)) {
	case BERTH_USE: return next_sendto(fd, data, size, flags, copy.bytes, copy.len);
	case BERTH_REFUSE: return shim_refuse(map, &copy);
	case BERTH_PASS: break;
	}
	ret = next_sendto(fd, data, size, flags, sa, len);
	if (ret >= 0)
		shim_note_outbound(map, &copy);
	return ret;
}

static ssize_t next_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	if (!shim_next.sendmsg)
		return shim_result(sys(SYS_sendmsg, fd, msg, flags, 0, 0));
	return shim_next.sendmsg(fd, msg, flags);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct berth_portmap *map = shim_attached();
	struct shim_copy copy;
	struct msghdr mine;
	ssize_t ret;

	if (!map || !msg || !shim_readable(msg, sizeof(*msg)) || !msg->msg_name)
		return next_sendmsg(fd, msg, flags);
	switch (shim_address_outbound(map, fd, msg->msg_name, msg->msg_namelen,
	                              BERTH_ADDR_UNSPEC_IS_INET, &copy)) {
	case BERTH_USE:
		mine = *msg;
		mine.msg_name = copy.bytes;
		mine.msg_namelen = copy.len;
		return next_sendmsg(fd, &mine, flags);
	case BERTH_REFUSE: return shim_refuse(map, &copy);
	case BERTH_PASS: break;
	}
	ret = next_sendmsg(fd, msg, flags);
	if (ret >= 0)
		shim_note_outbound(map, &copy);
	return ret;
}

static int next_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	if (!shim_next.sendmmsg)
		return (int)shim_result(sys(SYS_sendmmsg, fd, messages, count, flags, 0));
	return shim_next.sendmmsg(fd, messages, count, flags);
}

/* Send up to CHUNK messages from copies of their headers. Return: as sendmmsg(2). */
static int send_chunk(struct berth_portmap *map, int fd, struct mmsghdr *messages,
                      unsigned int count, int flags)
{
	struct shim_copy copies[CHUNK];
	struct mmsghdr mine[CHUNK];
	unsigned int ready;
	int sent;

	for (ready = 0; ready < count; ready++) {
		struct msghdr *header = &mine[ready].msg_hdr;
		enum berth_verdict verdict;

		mine[ready] = messages[ready];
		verdict = shim_address_outbound(map, fd, header->msg_name, header->msg_namelen,
		                                BERTH_ADDR_UNSPEC_IS_INET, &copies[ready]);
		if (verdict == BERTH_REFUSE) {
			if (!ready)
				return shim_refuse(map, &copies[0]);
			break;
		}
		shim_note_outbound(map, &copies[ready]);
		if (verdict == BERTH_PASS)
			continue;
		header->msg_name = copies[ready].bytes;
		header->msg_namelen = copies[ready].len;
	}
	sent = next_sendmmsg(fd, mine, ready, flags);
	for (int i = 0; i < sent; i++)
		messages[i].msg_len = mine[i].msg_len;
	return sent;
}

static bool any_named(const struct mmsghdr *messages, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (messages[i].msg_hdr.msg_name)
			return true;
	return false;
}

/*
 * sendmmsg(2) stops at the first message that fails and returns the number before it; so do chunks.
 */
EXPORT int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	enum { MAX = 1024 }; /* UIO_MAXIOV: the kernel takes no more */
	struct berth_portmap *map = shim_attached();
	unsigned int total = 0,
		     ready = map && messages
	                             ? shim_readable_messages(messages, count < MAX ? count : MAX)
	                             : 0;

	if (!any_named(messages, ready))
		return next_sendmmsg(fd, messages, count, flags);
	while (total < ready) {
		unsigned int chunk = ready - total < CHUNK ? ready - total : CHUNK;
		int saved = errno;
		int sent = send_chunk(map, fd, messages + total, chunk, flags);

		if (sent < 0 && total)
			errno = saved; /* a part was sent: that is a success */
		if (sent < 0)
			return total ? (int)total : -1;
		total += (unsigned int)sent;
		if ((unsigned int)sent < chunk)
			break;
	}
	return (int)total;
}
