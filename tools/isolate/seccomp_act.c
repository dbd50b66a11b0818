/* SPDX-License-Identifier: MIT */
/*
 * What the supervisor does for a process that asks.
 *
 * Continue safety. Two kinds of answer are given:
 *
 *	done	The address was copied out once, judged, rewritten in our copy, and the call was made on our own duplicate of
 *		the socket. Nothing of the target's is read again, so no thread of it can change what was judged.
 *	go on	(SECCOMP_USER_NOTIF_FLAG_CONTINUE) for a call that needs no rewriting. The kernel reads the address anew, and
 *		another thread may have put a virtual port there meanwhile: then that call goes to the host's port, as it would
 *		outside Berth. Only the suite itself can do this, to itself, and only by racing its own connect; a filter that
 *		keeps a hostile program in would not accept it, and this one is no such filter.
 *
 * A connect that has to wait is never waited for here. The duplicate's connect gets one clock tick (SO_SNDTIMEO, put back
 * afterwards; O_NONBLOCK would be seen by every holder of the description): on loopback the handshake is over within the
 * call. If it is not, the socket is connecting, and the target is told to go on: connect(2) on a connecting socket waits
 * for that connection whatever address it names (__inet_stream_connect), in the target's own context, so that signals,
 * restarts and time limits are the kernel's business.
 *
 * accept(2) is answered only when it matters (a client that bound a source port of its own) and a connection is there;
 * otherwise the target goes on and waits by itself.
 */
#include "tools/isolate/seccomp_act.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/addr.h"
#include "core/elf.h"
#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/isolate/seccomp_call.h"
#include "tools/isolate/seccomp_target.h"

enum { DATAGRAM_MAX = 65535, CONTROL_MAX = 4096, GO_ON = INT_MIN };

enum { PROTO_UDPLITE = 136, PROTO_MPTCP = 262 }; /* not in every netinet/in.h */

struct asked {			/* one notification under way */
	struct target target;
	struct notify_worker *worker;
	struct berth_portmap *map;
	struct notify_call call;
	bool answered;		/* the descriptor was handed over with the answer */
};

struct address {
	struct berth_addr addr;
	socklen_t len;
	unsigned char bytes[sizeof(struct sockaddr_un)];
};

/* --- notes and small questions ------------------------------------------------------------------------------------ */

static struct berth_note note_of(const struct asked *asked, enum berth_note_kind kind)
{
	struct berth_note note = { .kind = (uint16_t)kind, .pid = asked->target.pid };

	note.time_ns = (uint64_t)clock_ns();
	return note;
}

static void leave_note(const struct asked *asked, enum berth_note_kind kind, int proto, uint16_t virtual_port, uint16_t real,
		       int error)
{
	struct berth_note note = note_of(asked, kind);

	note.proto = (uint16_t)proto;
	note.virtual_port = virtual_port;
	note.real_port = real;
	note.error = error;
	berth_portmap_note(asked->map, &note);
}

/* Once per program. @text names the program. */
static void note_program(const struct asked *asked, enum berth_note_kind kind, int error)
{
	struct berth_note note = note_of(asked, kind);
	char path[PATH_MAX];

	target_program(&asked->target, path, sizeof(path));
	if (!berth_portmap_escape_first(asked->map, path))
		return;
	note.error = error;
	snprintf(note.text, sizeof(note.text), "%.*s", (int)sizeof(note.text) - 1, path);
	berth_portmap_note(asked->map, &note);
}

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? -1 : value;
}

/* The port map table of a socket; -1 if it is neither. */
static int proto_of(int fd)
{
	switch (option_of(fd, SO_PROTOCOL)) {
	case IPPROTO_TCP:
	case PROTO_MPTCP:
		return BERTH_TCP;
	case IPPROTO_UDP:
	case PROTO_UDPLITE:
		return BERTH_UDP;
	default:
		return -1;
	}
}

/* The target's socket. Return: a descriptor; -1 if it cannot be had: then the kernel has the right error for the target. */
static int socket_of(struct asked *asked)
{
	int fd = target_fd(&asked->target, asked->call.fd);

	if (fd == -EPERM)
		note_program(asked, BERTH_NOTE_BLIND, EPERM);
	return fd < 0 ? -1 : fd;
}

/* Copy the address out. Return: false if it is not the worker's business. */
static bool take(const struct asked *asked, uint64_t from, uint64_t len, enum berth_addr_use use, struct address *ret)
{
	if (!from || len < sizeof(struct sockaddr_in) || len > sizeof(struct sockaddr_storage))
		return false;
	ret->len = len < BERTH_SOCKADDR_MAX ? (socklen_t)len : BERTH_SOCKADDR_MAX;
	return target_read(&asked->target, from, ret->bytes, ret->len) &&
	       berth_addr_parse(asked->map, ret->bytes, ret->len, use, &ret->addr);
}

static int result(long ret)
{
	return ret < 0 ? -errno : (int)ret;
}

/* --- bind --------------------------------------------------------------------------------------------------------- */

/* As shim/bind.c. */
static int bind_real(struct asked *asked, int fd, int proto, struct address *address, uint16_t real)
{
	uint16_t port = address->addr.port;

	while (real) {
		int ret;

		berth_addr_set_port(address->bytes, real);
		berth_portmap_try(asked->map, real);
		ret = result(bind(fd, (struct sockaddr *)address->bytes, address->len));
		if (!ret)
			berth_portmap_bound(asked->map, real);
		else if (ret != -EADDRINUSE)
			berth_portmap_untry(asked->map, real);
		if (ret != -EADDRINUSE)
			return ret;
		uint16_t next = berth_portmap_move(asked->map, (enum berth_proto)proto, port, real);
		leave_note(asked, next ? BERTH_NOTE_OUTSIDER : BERTH_NOTE_CONFLICT, proto, port, real, EADDRINUSE);
		real = next;
	}
	return -EADDRINUSE;
}

static int on_bind(struct asked *asked)
{
	struct address address;
	cleanup_close int fd = -1;
	bool is_new = false;
	uint16_t port, real;
	int proto;

	if (!take(asked, asked->call.addr, (uint32_t)asked->call.len, BERTH_ADDR_UNSPEC_IS_INET, &address))
		return GO_ON;
	fd = socket_of(asked);
	proto = fd < 0 ? -1 : proto_of(fd);
	port = address.addr.port;
	if (proto < 0 || berth_portmap_is_real(asked->map, (enum berth_proto)proto, port))
		return GO_ON;
	if (asked->map->flags & BERTH_MAP_DECLARED_ONLY && !berth_portmap_real(asked->map, (enum berth_proto)proto, port))
		return GO_ON;
	if (!target_waits(&asked->target))
		return GO_ON;
	real = berth_portmap_claim(asked->map, (enum berth_proto)proto, port, &is_new);
	if (!real)
		leave_note(asked, BERTH_NOTE_EXHAUSTED, proto, port, 0, EADDRINUSE);
	if (is_new)
		leave_note(asked, BERTH_NOTE_LEARNED, proto, port, real, 0);
	if (real == port && berth_portmap_slot(asked->map, real) == BERTH_SLOTS_MAX)
		return GO_ON; /* shared with the host */
	return bind_real(asked, fd, proto, &address, real);
}

/* --- connect ------------------------------------------------------------------------------------------------------ */

/* What becomes of an address on its way out. */
enum way { AS_IS, REWRITTEN, REFUSED };

static enum way outbound(struct asked *asked, int proto, struct address *address)
{
	uint16_t port = address->addr.port, real;

	if (proto < 0 || berth_portmap_is_real(asked->map, (enum berth_proto)proto, port))
		return AS_IS;
	real = berth_portmap_real(asked->map, (enum berth_proto)proto, port);
	if (real == port)
		return AS_IS;
	if (real) {
		berth_addr_set_port(address->bytes, real);
		return REWRITTEN;
	}
	/* Ephemeral ports are port 0's: the worker's own servers get them from the kernel, under their real number. */
	if (port >= asked->map->ephemeral_low && port <= asked->map->ephemeral_high)
		return AS_IS;
	if (asked->map->flags & BERTH_MAP_STRICT) {
		leave_note(asked, BERTH_NOTE_REFUSED, proto, port, port, ECONNREFUSED);
		return REFUSED;
	}
	if (berth_portmap_foreign_first(asked->map, (enum berth_proto)proto, port)) {
		struct berth_note note = note_of(asked, BERTH_NOTE_FOREIGN);

		note.proto = (uint16_t)proto;
		note.virtual_port = note.real_port = port;
		note.ip = address->addr.ip;
		berth_portmap_note(asked->map, &note);
	}
	return AS_IS;
}

/* Give the calls on a blocking socket one clock tick, and put back what was there. */
static struct timeval tick(int fd, int option, const struct timeval *value)
{
	struct timeval old = { 0 };
	socklen_t len = sizeof(old);

	if (getsockopt(fd, SOL_SOCKET, option, &old, &len))
		memset(&old, 0, sizeof(old));
	setsockopt(fd, SOL_SOCKET, option, value, sizeof(*value));
	return old;
}

static const struct timeval one_tick = { .tv_usec = 1 };

static bool is_blocking(int fd)
{
	return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* A client whose own port is the worker's: from now on a server's accept(2) may see it. */
static void watch_source(struct asked *asked, int fd)
{
	struct sockaddr_in6 name = { 0 }; /* the port lies where sockaddr_in has it */
	socklen_t len = sizeof(name);

	if (!asked->worker->source_bound && !getsockname(fd, (struct sockaddr *)&name, &len) &&
	    berth_portmap_slot(asked->map, ntohs(name.sin6_port)) < BERTH_SLOTS_MAX)
		asked->worker->source_bound = true;
}

static int connect_real(struct asked *asked, int fd, const struct address *address, int proto)
{
	const struct sockaddr *sa = (const struct sockaddr *)address->bytes;
	struct timeval old;
	int ret;

	if (proto == BERTH_TCP)
		watch_source(asked, fd);
	if (proto == BERTH_UDP || !is_blocking(fd))
		return result(connect(fd, sa, address->len));
	old = tick(fd, SO_SNDTIMEO, &one_tick);
	ret = result(connect(fd, sa, address->len));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &old, sizeof(old));
	return ret == -EINPROGRESS || ret == -EALREADY ? GO_ON : ret;
}

/* Connecting to a path that the run has put elsewhere. */
static int connect_unix(struct asked *asked, uint32_t len)
{
	struct address address = { .len = sizeof(struct sockaddr_un) };
	struct sockaddr_un *un = (struct sockaddr_un *)address.bytes;
	const struct berth_unix_rule *rules = asked->map->unix_rules;
	cleanup_close int fd = -1;
	unsigned int i = 0;

	if (!rules[0].from[0] || len <= offsetof(struct sockaddr_un, sun_path) || len > sizeof(*un) ||
	    !target_read(&asked->target, asked->call.addr, address.bytes, len) || un->sun_family != AF_UNIX)
		return GO_ON;
	while (i < BERTH_UNIX_RULES_MAX && rules[i].from[0] && strncmp(rules[i].from, un->sun_path, BERTH_UNIX_PATH))
		i++;
	if (un->sun_path[0] != '/' || i == BERTH_UNIX_RULES_MAX || !rules[i].from[0])
		return GO_ON;
	fd = socket_of(asked);
	if (fd < 0 || !target_waits(&asked->target))
		return GO_ON;
	memcpy(un->sun_path, rules[i].to, BERTH_UNIX_PATH);
	return connect_real(asked, fd, &address, -1);
}

static int on_connect(struct asked *asked)
{
	uint32_t len = (uint32_t)asked->call.len;
	struct address address;
	cleanup_close int fd = -1;
	int proto;

	if (!take(asked, asked->call.addr, len, BERTH_ADDR_PLAIN, &address))
		return connect_unix(asked, len);
	fd = socket_of(asked);
	proto = fd < 0 ? -1 : proto_of(fd);
	if (proto < 0 || !target_waits(&asked->target))
		return GO_ON;
	switch (outbound(asked, proto, &address)) {
	case REFUSED:
		return -ECONNREFUSED;
	case REWRITTEN:
		return connect_real(asked, fd, &address, proto);
	case AS_IS:
		break;
	}
	return GO_ON;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* Put the virtual port into an address from the kernel. Return: false if there is nothing to change. */
static bool give(const struct berth_portmap *map, struct sockaddr_storage *name, socklen_t len)
{
	struct berth_addr addr;
	uint16_t virtual_port;

	if (!berth_addr_parse(map, name, len, BERTH_ADDR_PLAIN, &addr))
		return false;
	virtual_port = berth_portmap_virtual(map, addr.port);
	berth_addr_set_port(name, virtual_port);
	return virtual_port != addr.port;
}

/* Write an address as move_addr_to_user() does: as much as fits, and its whole length. */
static int name_out(const struct asked *asked, const struct sockaddr_storage *name, socklen_t full, socklen_t room)
{
	if (!target_waits(&asked->target))
		return -ESRCH;
	if (!target_write(&asked->target, asked->call.addr, name, room < full ? room : full) ||
	    !target_write(&asked->target, asked->call.len, &full, sizeof(full)))
		return -EFAULT;
	return 0;
}

static int on_name(struct asked *asked)
{
	struct sockaddr_storage name = { 0 };
	socklen_t full = sizeof(name), room = 0;
	cleanup_close int fd = -1;
	bool peer = asked->call.kind == NOTIFY_PEERNAME;

	if (!target_read(&asked->target, asked->call.len, &room, sizeof(room)) || room < 3 || room > INT_MAX)
		return GO_ON;
	fd = socket_of(asked);
	if (fd < 0 || (peer ? getpeername(fd, (struct sockaddr *)&name, &full)
			    : getsockname(fd, (struct sockaddr *)&name, &full)))
		return GO_ON;
	return give(asked->map, &name, full) ? name_out(asked, &name, full, room) : GO_ON;
}

/* --- accept ------------------------------------------------------------------------------------------------------- */

/* Accept without waiting, though the listener may be a blocking one. */
static int accept_now(int fd, int flags, struct sockaddr_storage *name, socklen_t *len)
{
	struct timeval old = { 0 };
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	bool blocking = is_blocking(fd);
	int ret;

	if (poll(&poller, 1, 0) != 1 || !(poller.revents & POLLIN))
		return -EAGAIN;
	if (blocking)
		old = tick(fd, SO_RCVTIMEO, &one_tick);
	ret = result(accept4(fd, (struct sockaddr *)name, len, flags | SOCK_CLOEXEC));
	if (blocking)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &old, sizeof(old));
	return ret;
}

/* Give the target a descriptor, which is the answer at the same time. */
static int hand_over(struct asked *asked, int fd, int flags)
{
	struct seccomp_notif_addfd give_fd = { .id = asked->target.id, .flags = SECCOMP_ADDFD_FLAG_SEND };

	give_fd.srcfd = (uint32_t)fd;
	give_fd.newfd_flags = flags & SOCK_CLOEXEC ? O_CLOEXEC : 0;
	if (ioctl(asked->target.listener, SECCOMP_IOCTL_NOTIF_ADDFD, &give_fd) < 0)
		return -errno;
	asked->answered = true;
	return 0;
}

static int on_accept(struct asked *asked)
{
	struct sockaddr_storage name = { 0 };
	socklen_t full = sizeof(name), room = 0;
	cleanup_close int fd = -1, served = -1;
	int flags = asked->call.flags, ret;

	if (!asked->worker->source_bound || flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK) ||
	    !target_read(&asked->target, asked->call.len, &room, sizeof(room)) || room > INT_MAX)
		return GO_ON;
	fd = socket_of(asked);
	if (fd < 0 || proto_of(fd) != BERTH_TCP || !target_waits(&asked->target))
		return GO_ON;
	served = accept_now(fd, flags, &name, &full);
	if (served == -EAGAIN)
		return GO_ON;
	if (served < 0)
		return served;
	give(asked->map, &name, full);
	ret = name_out(asked, &name, full, room);
	return ret ? ret : hand_over(asked, served, flags);
}

/* --- datagrams ---------------------------------------------------------------------------------------------------- */

static char payload[DATAGRAM_MAX + 1], control[CONTROL_MAX]; /* one notification at a time is answered */

static int send_real(const struct address *address, int fd, size_t size, int flags, size_t control_len)
{
	struct iovec iov = { .iov_base = payload, .iov_len = size };
	struct msghdr message = { .msg_name = (void *)(uintptr_t)address->bytes, .msg_namelen = address->len };
	bool fast_open = flags & MSG_FASTOPEN && is_blocking(fd);
	struct timeval old = { 0 };
	int ret;

	message.msg_iov = &iov;
	message.msg_iovlen = 1;
	message.msg_control = control_len ? control : NULL;
	message.msg_controllen = control_len;
	if (fast_open) /* the call connects as well, which takes its time */
		old = tick(fd, SO_SNDTIMEO, &one_tick);
	else
		flags |= MSG_DONTWAIT;
	ret = result(sendmsg(fd, &message, flags | MSG_NOSIGNAL));
	if (fast_open)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &old, sizeof(old));
	/* A full buffer is not waited for; UDP may always answer so, send(2). */
	return ret == -EAGAIN && is_blocking(fd) ? -ENOBUFS : ret;
}

/* Is this send to be made here? Return: 0 and *ret_fd, close() it; GO_ON; -errno. */
static int send_begin(struct asked *asked, struct address *address, int *ret_fd)
{
	cleanup_close int fd = socket_of(asked);
	int proto = fd < 0 ? -1 : proto_of(fd);

	/* a stream takes no address, but for the one that opens it */
	if (proto < 0 || (proto == BERTH_TCP && !(asked->call.flags & MSG_FASTOPEN)) || !target_waits(&asked->target))
		return GO_ON;
	switch (outbound(asked, proto, address)) {
	case REFUSED:
		return -ECONNREFUSED;
	case REWRITTEN:
		*ret_fd = steal_fd(&fd);
		return 0;
	case AS_IS:
		break;
	}
	return GO_ON;
}

static int on_sendto(struct asked *asked)
{
	struct address address;
	cleanup_close int fd = -1;
	int ret;

	if (asked->call.size > DATAGRAM_MAX ||
	    !take(asked, asked->call.addr, (uint32_t)asked->call.len, BERTH_ADDR_UNSPEC_IS_INET, &address))
		return GO_ON;
	ret = send_begin(asked, &address, &fd);
	if (ret)
		return ret;
	if (asked->call.size && !target_read(&asked->target, asked->call.data, payload, asked->call.size))
		return -EFAULT;
	return send_real(&address, fd, asked->call.size, asked->call.flags, 0);
}

static int send_message(struct asked *asked, uint64_t at)
{
	struct msghdr message;
	struct address address;
	cleanup_close int fd = -1;
	ssize_t size;
	int ret;

	if (!target_read(&asked->target, at, &message, sizeof(message)) || !message.msg_name ||
	    !take(asked, (uintptr_t)message.msg_name, message.msg_namelen, BERTH_ADDR_UNSPEC_IS_INET, &address))
		return GO_ON;
	ret = send_begin(asked, &address, &fd);
	if (ret)
		return ret;
	if (message.msg_controllen > CONTROL_MAX)
		return -ENOBUFS;
	if (message.msg_controllen &&
	    !target_read(&asked->target, (uintptr_t)message.msg_control, control, message.msg_controllen))
		return -EFAULT;
	size = target_gather(&asked->target, (uintptr_t)message.msg_iov, message.msg_iovlen, payload, DATAGRAM_MAX);
	if (size < 0)
		return (int)size;
	return send_real(&address, fd, (size_t)size, asked->call.flags, message.msg_controllen);
}

static int on_sendmsg(struct asked *asked)
{
	return send_message(asked, asked->call.addr);
}

/* The first message decides who sends: all of them are for us, or the kernel gets the whole call. */
static int on_sendmmsg(struct asked *asked)
{
	uint64_t count = asked->call.size < IOV_MAX ? asked->call.size : IOV_MAX;
	int sent = 0;

	for (; (uint64_t)sent < count; sent++) {
		uint64_t at = asked->call.addr + (uint64_t)sent * sizeof(struct mmsghdr);
		int ret = send_message(asked, at);
		unsigned int len = (unsigned int)ret;

		if (ret < 0)
			return sent ? sent : ret; /* a part is a success, sendmmsg(2); GO_ON likewise ends a part */
		if (!target_write(&asked->target, at + offsetof(struct mmsghdr, msg_len), &len, sizeof(len)))
			return sent ? sent : -EFAULT;
	}
	return sent ? sent : GO_ON;
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static int on_io_uring(struct asked *asked)
{
	note_program(asked, BERTH_NOTE_IO_URING, ENOSYS);
	return -ENOSYS; /* what a kernel without io_uring says: programs fall back */
}

static int on_foreign_arch(struct asked *asked)
{
	note_program(asked, BERTH_NOTE_ESCAPE, BERTH_ELF_FOREIGN_CLASS);
	return -ENOSYS;
}

static int (*const handlers[NOTIFY_KINDS])(struct asked *) = {
	[NOTIFY_FOREIGN_ARCH] = on_foreign_arch, [NOTIFY_IO_URING] = on_io_uring,
	[NOTIFY_BIND] = on_bind,	[NOTIFY_CONNECT] = on_connect,	[NOTIFY_ACCEPT] = on_accept,
	[NOTIFY_SOCKNAME] = on_name,	[NOTIFY_PEERNAME] = on_name,	[NOTIFY_SENDTO] = on_sendto,
	[NOTIFY_SENDMSG] = on_sendmsg,	[NOTIFY_SENDMMSG] = on_sendmmsg,
};

void notify_answer(int listener, struct notify_worker *worker, const struct seccomp_notif *request,
		   struct seccomp_notif_resp *answer)
{
	struct asked asked = { .worker = worker, .map = worker->map, .call = notify_decode(&request->data) };
	int ret = GO_ON;

	asked.target = (struct target){ .listener = listener, .pid = (pid_t)request->pid, .id = request->id };
	if (request->pid && handlers[asked.call.kind]) /* 0: in a pid namespace that we cannot see */
		ret = handlers[asked.call.kind](&asked);
	if (asked.answered)
		return;
	answer->id = request->id;
	answer->error = ret < 0 && ret != GO_ON ? ret : 0;
	answer->val = ret > 0 ? ret : 0;
	answer->flags = ret == GO_ON ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	/* ENOENT: the target was killed, or a signal took it out of the call */
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer);
}
