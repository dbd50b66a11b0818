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
 * What has to be mended at its end cannot go on: a receive that wants the sender's address (where datagrams were asked for),
 * and accept(2) once a client with a source port of its own has connected. If there is nothing to receive, the answer waits:
 * for the socket, in the supervisor's loop, and for the target's signals, which the kernel holds back meanwhile
 * (WAIT_KILLABLE_RECV). When one is pending the target goes on, and the kernel's own call ends with EINTR or begins anew.
 */
#include "tools/isolate/seccomp_act.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/addr.h"
#include "core/elf.h"
#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/isolate/seccomp_asked.h"

enum { PROTO_UDPLITE = 136, PROTO_MPTCP = 262 }; /* not in every netinet/in.h */

/* --- notes and small questions ------------------------------------------------------------------------------------ */

static struct berth_note note_of(const struct asked *asked, enum berth_note_kind kind)
{
	struct berth_note note = { .kind = (uint16_t)kind, .pid = asked->target.pid };

	note.time_ns = (uint64_t)clock_ns();
	return note;
}

static void leave_note(const struct asked *asked, enum berth_note_kind kind, int proto,
                       uint16_t virtual_port, uint16_t real, int error)
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
int asked_proto(int fd)
{
	switch (option_of(fd, SO_PROTOCOL)) {
	case IPPROTO_TCP:
	case PROTO_MPTCP: return BERTH_TCP;
	case IPPROTO_UDP:
	case PROTO_UDPLITE: return BERTH_UDP;
	default: return -1;
	}
}

/* The target's socket. Return: a descriptor; -1 if it cannot be had: then the kernel has the right error for the target. */
int asked_socket(struct asked *asked)
{
	int fd = asked->wait->fd;

	if (fd >= 0) { /* this call waited for it: whatever the number means by now */
		asked->wait->fd = -1;
		return fd;
	}
	fd = target_fd(&asked->target, asked->call.fd);
	return fd < 0 ? -1 : fd;
}

int asked_wait(struct asked *asked, int *fd)
{
	struct timeval limit = { 0 };
	socklen_t len = sizeof(limit);

	if (!asked->wait->deadline_ms && !getsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &len) &&
	    (limit.tv_sec || limit.tv_usec))
		asked->wait->deadline_ms = clock_ms() + limit.tv_sec * 1000 +
		                           (limit.tv_usec + 999) / 1000;
	asked->wait->fd = steal_fd(fd);
	return WAITS;
}

/*
 * An address that may not be looked at. Its length tells whether it can be one of ours: programs that hide themselves (agents of
 * ssh and GnuPG) live behind Unix sockets, which have other lengths.
 */
static void note_blind(const struct asked *asked, uint64_t len)
{
	if (len == sizeof(struct sockaddr_in) || len == sizeof(struct sockaddr_in6) ||
	    len == sizeof(struct sockaddr_storage))
		note_program(asked, BERTH_NOTE_BLIND, EPERM);
}

/* Copy the address out. Return: false if it is not the worker's business. */
bool asked_take(const struct asked *asked, uint64_t from, uint64_t len, enum berth_addr_use use,
                struct address *ret)
{
	if (!from || len < sizeof(struct sockaddr_in) || len > sizeof(struct sockaddr_storage))
		return false;
	ret->len = len < BERTH_SOCKADDR_MAX ? (socklen_t)len : BERTH_SOCKADDR_MAX;
	errno = 0;
	if (target_read(&asked->target, from, ret->bytes, ret->len))
		return berth_addr_parse(asked->map, ret->bytes, ret->len, use, &ret->addr);
	if (errno == EPERM)
		note_blind(asked, len);
	return false;
}

int asked_result(long ret)
{
	return ret < 0 ? -errno : (int)ret;
}

/* --- bind --------------------------------------------------------------------------------------------------------- */

/* Only these are bound for the worker; any other port it may bind itself, if the kernel lets it. */
static bool is_in_block(const struct asked *asked, uint16_t real)
{
	return (uint32_t)real - asked->worker->block_base < asked->worker->block_len;
}

/* As shim/bind.c. */
static int bind_real(struct asked *asked, int fd, int proto, struct address *address, uint16_t real)
{
	uint16_t port = address->addr.port;

	while (real) {
		int ret;

		if (!is_in_block(asked, real))
			return GO_ON;
		berth_addr_set_port(address->bytes, real);
		berth_portmap_try(asked->map, real);
		ret = asked_result(bind(fd, (struct sockaddr *)address->bytes, address->len));
		if (!ret)
			berth_portmap_bound(asked->map, real);
		else if (ret != -EADDRINUSE)
			berth_portmap_untry(asked->map, real);
		if (ret != -EADDRINUSE)
			return ret;
		uint16_t next = berth_portmap_move(asked->map, (enum berth_proto)proto, port, real);
		leave_note(asked, next ? BERTH_NOTE_OUTSIDER : BERTH_NOTE_CONFLICT, proto, port,
		           real, EADDRINUSE);
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

	if (!asked_take(asked, asked->call.addr, (uint32_t)asked->call.len,
	                BERTH_ADDR_UNSPEC_IS_INET, &address))
		return GO_ON;
	fd = asked_socket(asked);
	proto = fd < 0 ? -1 : asked_proto(fd);
	port = address.addr.port;
	if (proto < 0 || berth_portmap_is_real(asked->map, (enum berth_proto)proto, port))
		return GO_ON;
	if (!target_waits(&asked->target))
		return GO_ON;
	real = berth_portmap_claim(asked->map, (enum berth_proto)proto, port, &is_new);
	if (!real)
		leave_note(asked, BERTH_NOTE_EXHAUSTED, proto, port, 0, EADDRINUSE);
	if (is_new)
		leave_note(asked, BERTH_NOTE_LEARNED, proto, port, real, 0);
	if (real == port && !is_new &&
	    !berth_portmap_real(asked->map, (enum berth_proto)proto, port))
		leave_note(asked, BERTH_NOTE_LEFT, proto, port, port, 0);
	if (real == port && berth_portmap_slot(asked->map, real) == BERTH_SLOTS_MAX)
		return GO_ON; /* shared with the host */
	return bind_real(asked, fd, proto, &address, real);
}

/* --- connect ------------------------------------------------------------------------------------------------------ */

enum way asked_outbound(struct asked *asked, int proto, struct address *address)
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
struct timeval asked_tick(int fd, int option, const struct timeval *value)
{
	struct timeval old = { 0 };
	socklen_t len = sizeof(old);

	if (getsockopt(fd, SOL_SOCKET, option, &old, &len))
		memset(&old, 0, sizeof(old));
	setsockopt(fd, SOL_SOCKET, option, value, sizeof(*value));
	return old;
}

const struct timeval asked_one_tick = { .tv_usec = 1 };

bool asked_blocks(int fd)
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
	if (proto == BERTH_UDP || !asked_blocks(fd))
		return asked_result(connect(fd, sa, address->len));
	old = asked_tick(fd, SO_SNDTIMEO, &asked_one_tick);
	ret = asked_result(connect(fd, sa, address->len));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &old, sizeof(old));
	return ret == -EINPROGRESS || ret == -EALREADY ? GO_ON : ret;
}

/* Connecting to a path that the run has put elsewhere. */
static int connect_unix(struct asked *asked, uint32_t len)
{
	struct address address = { .len = sizeof(struct sockaddr_un) };
	struct sockaddr_un *un = (struct sockaddr_un *)address.bytes;
	const struct berth_unix_rule *rules = asked->worker->unix_rules;
	cleanup_close int fd = -1;
	unsigned int i = 0;

	if (!rules[0].from[0] || len <= offsetof(struct sockaddr_un, sun_path) ||
	    len > sizeof(*un) ||
	    !target_read(&asked->target, asked->call.addr, address.bytes, len) ||
	    un->sun_family != AF_UNIX)
		return GO_ON;
	while (i < BERTH_UNIX_RULES_MAX && rules[i].from[0] &&
	       strncmp(rules[i].from, un->sun_path, BERTH_UNIX_PATH))
		i++;
	if (un->sun_path[0] != '/' || i == BERTH_UNIX_RULES_MAX || !rules[i].from[0])
		return GO_ON;
	fd = asked_socket(asked);
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

	if (!asked_take(asked, asked->call.addr, len, BERTH_ADDR_PLAIN, &address))
		return connect_unix(asked, len);
	fd = asked_socket(asked);
	proto = fd < 0 ? -1 : asked_proto(fd);
	if (proto < 0 || !target_waits(&asked->target))
		return GO_ON;
	switch (asked_outbound(asked, proto, &address)) {
	case REFUSED: return -ECONNREFUSED;
	case REWRITTEN: return connect_real(asked, fd, &address, proto);
	case AS_IS: break;
	}
	return GO_ON;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* Put the virtual port into an address from the kernel. Return: false if there is nothing to change. */
bool asked_give(const struct berth_portmap *map, void *name, socklen_t len)
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
int asked_name_out(const struct asked *asked, const struct sockaddr_storage *name, socklen_t full,
                   socklen_t room)
{
	if (!target_waits(&asked->target))
		return -ESRCH;
	if (!target_write(&asked->target, asked->call.addr, name, room < full ? room : full) ||
	    !target_write(&asked->target, asked->call.len, &full, sizeof(full)))
		return -EFAULT;
	return 0;
}

/* A bind to port 0 is not seen here, but its number is learned in no other way. (That of a client which was never bound is
 * taken for one as well; it only means that the number, should the suite have hardcoded it too, stays as it is.) */
static void given(struct asked *asked, const struct sockaddr_storage *name)
{
	if (name->ss_family == AF_INET || name->ss_family == AF_INET6)
		berth_portmap_given(asked->map,
		                    ntohs(((const struct sockaddr_in *)name)->sin_port));
}

static int on_name(struct asked *asked)
{
	struct sockaddr_storage name = { 0 };
	socklen_t full = sizeof(name), room = 0;
	cleanup_close int fd = -1;
	bool peer = asked->call.kind == NOTIFY_PEERNAME;

	if (!target_read(&asked->target, asked->call.len, &room, sizeof(room)) || room < 3 ||
	    room > INT_MAX)
		return GO_ON;
	fd = asked_socket(asked);
	if (fd < 0 || (peer ? getpeername(fd, (struct sockaddr *)&name, &full)
	                    : getsockname(fd, (struct sockaddr *)&name, &full)))
		return GO_ON;
	if (!peer)
		given(asked, &name);
	return asked_give(asked->map, &name, full) ? asked_name_out(asked, &name, full, room)
	                                           : GO_ON;
}

/* --- accept ------------------------------------------------------------------------------------------------------- */

/* Accept without waiting, though the listener may be a blocking one. */
static int accept_now(int fd, int flags, struct sockaddr_storage *name, socklen_t *len)
{
	struct timeval old = { 0 };
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	bool blocking = asked_blocks(fd);
	int ret;

	if (poll(&poller, 1, 0) != 1 || !(poller.revents & POLLIN))
		return -EAGAIN;
	if (blocking)
		old = asked_tick(fd, SO_RCVTIMEO, &asked_one_tick);
	ret = asked_result(accept4(fd, (struct sockaddr *)name, len, flags | SOCK_CLOEXEC));
	if (blocking)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &old, sizeof(old));
	return ret;
}

/* Give the target a descriptor, which is the answer at the same time. */
static int hand_over(struct asked *asked, int fd, int flags)
{
	struct seccomp_notif_addfd give_fd = { .id = asked->target.id,
		                               .flags = SECCOMP_ADDFD_FLAG_SEND };

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
	fd = asked_socket(asked);
	if (fd < 0 || asked_proto(fd) != BERTH_TCP || !target_waits(&asked->target))
		return GO_ON;
	served = accept_now(fd, flags, &name, &full);
	if (served == -EAGAIN)
		return asked_blocks(fd) ? asked_wait(asked, &fd) : GO_ON;
	if (served < 0)
		return served;
	asked_give(asked->map, &name, full);
	ret = asked_name_out(asked, &name, full, room);
	return ret ? ret : hand_over(asked, served, flags);
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
	[NOTIFY_FOREIGN_ARCH] = on_foreign_arch,
	[NOTIFY_IO_URING] = on_io_uring,
	[NOTIFY_BIND] = on_bind,
	[NOTIFY_CONNECT] = on_connect,
	[NOTIFY_ACCEPT] = on_accept,
	[NOTIFY_SOCKNAME] = on_name,
	[NOTIFY_PEERNAME] = on_name,
	[NOTIFY_SENDTO] = on_sendto,
	[NOTIFY_SENDMSG] = on_sendmsg,
	[NOTIFY_SENDMMSG] = on_sendmmsg,
	[NOTIFY_RECVFROM] = on_recvfrom,
	[NOTIFY_RECVMSG] = on_recvmsg,
	[NOTIFY_RECVMMSG] = on_recvmmsg,
};

static void send_answer(int listener, const struct seccomp_notif *request,
                        struct seccomp_notif_resp *answer, int ret)
{
	answer->id = request->id;
	answer->error = ret < 0 && ret != GO_ON ? ret : 0;
	answer->val = ret > 0 ? ret : 0;
	answer->flags = ret == GO_ON ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	/* ENOENT: the target was killed, or a signal took it out of the call */
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer);
}

bool notify_answer(int listener, struct notify_worker *worker, const struct seccomp_notif *request,
                   struct seccomp_notif_resp *answer, struct notify_wait *wait)
{
	struct asked asked = { .worker = worker, .map = worker->map, .wait = wait };
	int ret = GO_ON;

	asked.call = notify_decode(&request->data);
	asked.target = (struct target){ listener, (pid_t)request->pid, request->id, &worker->last };
	/* 0: in a pid namespace that we cannot see */
	if (request->pid && handlers[asked.call.kind])
		ret = handlers[asked.call.kind](&asked);
	if (ret == WAITS)
		return false;
	if (!asked.answered)
		send_answer(listener, request, answer, ret);
	return true;
}

/* Pending signals that its thread does not block, proc_pid_status(5). */
static bool is_signalled(pid_t pid)
{
	static const char *const fields[] = { "\nSigPnd:", "\nShdPnd:", "\nSigBlk:" };
	cleanup_free char *path = str_print("/proc/%d/status", pid);
	cleanup_free char *text = NULL;
	unsigned long long mask[3] = { 0 };

	if (file_read(path, &text, NULL))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const char *at = strstr(text, fields[i]);

		mask[i] = at ? strtoull(at + strlen(fields[i]), NULL, 16) : 0;
	}
	return (mask[0] | mask[1]) & ~mask[2];
}

bool notify_wait_ends(int listener, const struct seccomp_notif *request,
                      struct seccomp_notif_resp *answer, const struct notify_wait *wait)
{
	struct target target = { .listener = listener,
		                 .pid = (pid_t)request->pid,
		                 .id = request->id };
	int ret = GO_ON;

	if (!target_waits(&target))
		return true;
	if (wait->deadline_ms && clock_ms() >= wait->deadline_ms)
		ret = wait->done ? (int)wait->done : -EAGAIN;
	else if (!is_signalled(target.pid))
		return false;
	else if (wait->done)
		ret = (int)wait->done;
	send_answer(listener, request, answer, ret);
	return true;
}
