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
#include "tools/isolate/seccomp/answer.h"

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
#include "tools/isolate/seccomp/request.h"

enum { PROTO_UDPLITE = 136, PROTO_MPTCP = 262 }; /* not in every netinet/in.h */

/* --- notes and small questions ------------------------------------------------------------------------------------ */

static struct berth_note note_of(const struct notify_request *request, enum berth_note_kind kind)
{
	struct berth_note note = { .kind = (uint16_t)kind, .pid = request->target.pid };

	note.time_ns = (uint64_t)clock_ns();
	return note;
}

static void leave_note(const struct notify_request *request, enum berth_note_kind kind, int proto,
                       uint16_t virtual_port, uint16_t real, int error)
{
	struct berth_note note = note_of(request, kind);

	note.proto = (uint16_t)proto;
	note.virtual_port = virtual_port;
	note.real_port = real;
	note.error = error;
	berth_portmap_note(request->map, &note);
}

/* Once per program. @text names the program. */
static void note_program(const struct notify_request *request, enum berth_note_kind kind, int error)
{
	struct berth_note note = note_of(request, kind);
	char path[PATH_MAX];

	target_program(&request->target, path, sizeof(path));
	if (!berth_portmap_escape_first(request->map, path))
		return;
	note.error = error;
	snprintf(note.text, sizeof(note.text), "%.*s", (int)sizeof(note.text) - 1, path);
	berth_portmap_note(request->map, &note);
}

static int option_of(int fd, int option)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) ? -1 : value;
}

/* The port map table of a socket; -1 if it is neither. */
int request_proto(int fd)
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
int request_socket(struct notify_request *request)
{
	int fd = request->wait->fd;

	if (fd >= 0) { /* this call waited for it: whatever the number means by now */
		request->wait->fd = -1;
		return fd;
	}
	fd = target_fd(&request->target, request->call.fd);
	return fd < 0 ? -1 : fd;
}

int request_wait(struct notify_request *request, int *fd)
{
	struct timeval limit = { 0 };
	socklen_t len = sizeof(limit);

	if (!request->wait->deadline_ms &&
	    !getsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &len) &&
	    (limit.tv_sec || limit.tv_usec))
		request->wait->deadline_ms = clock_ms() + limit.tv_sec * 1000 +
		                             (limit.tv_usec + 999) / 1000;
	request->wait->fd = steal_fd(fd);
	return CALL_WAITS;
}

/*
 * An address that may not be looked at. Its length tells whether it can be one of ours: programs that hide themselves (agents of
 * ssh and GnuPG) live behind Unix sockets, which have other lengths.
 */
static void note_blind(const struct notify_request *request, uint64_t len)
{
	if (len == sizeof(struct sockaddr_in) || len == sizeof(struct sockaddr_in6) ||
	    len == sizeof(struct sockaddr_storage))
		note_program(request, BERTH_NOTE_BLIND, EPERM);
}

/* Copy the address out. Return: false if it is not the worker's business. */
bool request_copy_address(const struct notify_request *request, uint64_t from, uint64_t len,
                          enum berth_addr_use use, struct request_address *ret)
{
	if (!from || len < sizeof(struct sockaddr_in) || len > sizeof(struct sockaddr_storage))
		return false;
	ret->len = len < BERTH_SOCKADDR_MAX ? (socklen_t)len : BERTH_SOCKADDR_MAX;
	errno = 0;
	if (target_read(&request->target, from, ret->bytes, ret->len))
		return berth_addr_parse(request->map, ret->bytes, ret->len, use, &ret->addr);
	if (errno == EPERM)
		note_blind(request, len);
	return false;
}

int request_result(long ret)
{
	return ret < 0 ? -errno : (int)ret;
}

/* --- bind --------------------------------------------------------------------------------------------------------- */

/* Only these are bound for the worker; any other port it may bind itself, if the kernel lets it. */
static bool is_in_block(const struct notify_request *request, uint16_t real)
{
	return (uint32_t)real - request->worker->block_base < request->worker->block_len;
}

/* As shim/bind.c. */
static int bind_real(struct notify_request *request, int fd, int proto,
                     struct request_address *address, uint16_t real)
{
	uint16_t port = address->addr.port;

	while (real) {
		int ret;

		if (!is_in_block(request, real))
			return CONTINUE_CALL;
		berth_addr_set_port(address->bytes, real);
		berth_portmap_try(request->map, real);
		ret = request_result(bind(fd, (struct sockaddr *)address->bytes, address->len));
		if (!ret)
			berth_portmap_bound(request->map, real);
		else if (ret != -EADDRINUSE)
			berth_portmap_untry(request->map, real);
		if (ret != -EADDRINUSE)
			return ret;
		uint16_t next = berth_portmap_move(request->map, (enum berth_proto)proto, port,
		                                   real);
		leave_note(request, next ? BERTH_NOTE_OUTSIDER : BERTH_NOTE_CONFLICT, proto, port,
		           real, EADDRINUSE);
		real = next;
	}
	return -EADDRINUSE;
}

static int on_bind(struct notify_request *request)
{
	struct request_address address;
	cleanup_close int fd = -1;
	bool is_new = false;
	uint16_t port, real;
	int proto;

	if (!request_copy_address(request, request->call.addr, (uint32_t)request->call.len,
	                          BERTH_ADDR_UNSPEC_IS_INET, &address))
		return CONTINUE_CALL;
	fd = request_socket(request);
	proto = fd < 0 ? -1 : request_proto(fd);
	port = address.addr.port;
	if (proto < 0 || berth_portmap_is_real(request->map, (enum berth_proto)proto, port))
		return CONTINUE_CALL;
	if (!target_waits(&request->target))
		return CONTINUE_CALL;
	real = berth_portmap_claim(request->map, (enum berth_proto)proto, port, &is_new);
	if (!real)
		leave_note(request, BERTH_NOTE_EXHAUSTED, proto, port, 0, EADDRINUSE);
	if (is_new)
		leave_note(request, BERTH_NOTE_LEARNED, proto, port, real, 0);
	if (real == port && !is_new &&
	    !berth_portmap_real(request->map, (enum berth_proto)proto, port))
		leave_note(request, BERTH_NOTE_UNMAPPED, proto, port, port, 0);
	if (real == port && berth_portmap_slot(request->map, real) == BERTH_SLOTS_MAX)
		return CONTINUE_CALL; /* shared with the host */
	return bind_real(request, fd, proto, &address, real);
}

/* --- connect ------------------------------------------------------------------------------------------------------ */

enum address_verdict request_outbound(struct notify_request *request, int proto,
                                      struct request_address *address)
{
	uint16_t port = address->addr.port, real;

	if (proto < 0 || berth_portmap_is_real(request->map, (enum berth_proto)proto, port))
		return AS_IS;
	real = berth_portmap_real(request->map, (enum berth_proto)proto, port);
	if (real == port)
		return AS_IS;
	if (real) {
		berth_addr_set_port(address->bytes, real);
		return REWRITTEN;
	}
	/* Ephemeral ports are port 0's: the worker's own servers get them from the kernel, under their real number. */
	if (port >= request->map->ephemeral_low && port <= request->map->ephemeral_high)
		return AS_IS;
	if (request->map->flags & BERTH_MAP_STRICT) {
		leave_note(request, BERTH_NOTE_REFUSED, proto, port, port, ECONNREFUSED);
		return REFUSED;
	}
	if (berth_portmap_foreign_first(request->map, (enum berth_proto)proto, port)) {
		struct berth_note note = note_of(request, BERTH_NOTE_FOREIGN);

		note.proto = (uint16_t)proto;
		note.virtual_port = note.real_port = port;
		note.ip = address->addr.ip;
		berth_portmap_note(request->map, &note);
	}
	return AS_IS;
}

/* Give the calls on a blocking socket one clock tick, and put back what was there. */
struct timeval request_tick(int fd, int option, const struct timeval *value)
{
	struct timeval old = { 0 };
	socklen_t len = sizeof(old);

	if (getsockopt(fd, SOL_SOCKET, option, &old, &len))
		memset(&old, 0, sizeof(old));
	setsockopt(fd, SOL_SOCKET, option, value, sizeof(*value));
	return old;
}

const struct timeval request_one_tick = { .tv_usec = 1 };

bool request_blocks(int fd)
{
	return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* A client whose own port is the worker's: from now on a server's accept(2) may see it. */
static void watch_source(struct notify_request *request, int fd)
{
	struct sockaddr_in6 name = { 0 }; /* the port lies where sockaddr_in has it */
	socklen_t len = sizeof(name);

	if (!request->worker->source_bound && !getsockname(fd, (struct sockaddr *)&name, &len) &&
	    berth_portmap_slot(request->map, ntohs(name.sin6_port)) < BERTH_SLOTS_MAX)
		request->worker->source_bound = true;
}

static int connect_real(struct notify_request *request, int fd,
                        const struct request_address *address, int proto)
{
	const struct sockaddr *sa = (const struct sockaddr *)address->bytes;
	struct timeval old;
	int ret;

	if (proto == BERTH_TCP)
		watch_source(request, fd);
	if (proto == BERTH_UDP || !request_blocks(fd))
		return request_result(connect(fd, sa, address->len));
	old = request_tick(fd, SO_SNDTIMEO, &request_one_tick);
	ret = request_result(connect(fd, sa, address->len));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &old, sizeof(old));
	return ret == -EINPROGRESS || ret == -EALREADY ? CONTINUE_CALL : ret;
}

/* Connecting to a path that the run has put elsewhere. */
static int connect_unix(struct notify_request *request, uint32_t len)
{
	struct request_address address = { .len = sizeof(struct sockaddr_un) };
	struct sockaddr_un *un = (struct sockaddr_un *)address.bytes;
	const struct berth_unix_rule *rules = request->worker->unix_rules;
	cleanup_close int fd = -1;
	unsigned int i = 0;

	if (!rules[0].from[0] || len <= offsetof(struct sockaddr_un, sun_path) ||
	    len > sizeof(*un) ||
	    !target_read(&request->target, request->call.addr, address.bytes, len) ||
	    un->sun_family != AF_UNIX)
		return CONTINUE_CALL;
	while (i < BERTH_UNIX_RULES_MAX && rules[i].from[0] &&
	       strncmp(rules[i].from, un->sun_path, BERTH_UNIX_PATH))
		i++;
	if (un->sun_path[0] != '/' || i == BERTH_UNIX_RULES_MAX || !rules[i].from[0])
		return CONTINUE_CALL;
	fd = request_socket(request);
	if (fd < 0 || !target_waits(&request->target))
		return CONTINUE_CALL;
	memcpy(un->sun_path, rules[i].to, BERTH_UNIX_PATH);
	return connect_real(request, fd, &address, -1);
}

static int on_connect(struct notify_request *request)
{
	uint32_t len = (uint32_t)request->call.len;
	struct request_address address;
	cleanup_close int fd = -1;
	int proto;

	if (!request_copy_address(request, request->call.addr, len, BERTH_ADDR_PLAIN, &address))
		return connect_unix(request, len);
	fd = request_socket(request);
	proto = fd < 0 ? -1 : request_proto(fd);
	if (proto < 0 || !target_waits(&request->target))
		return CONTINUE_CALL;
	switch (request_outbound(request, proto, &address)) {
	case REFUSED: return -ECONNREFUSED;
	case REWRITTEN: return connect_real(request, fd, &address, proto);
	case AS_IS: break;
	}
	return CONTINUE_CALL;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

/* Put the virtual port into an address from the kernel. Return: false if there is nothing to change. */
bool request_restore_port(const struct berth_portmap *map, void *name, socklen_t len)
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
int request_name_out(const struct notify_request *request, const struct sockaddr_storage *name,
                     socklen_t full, socklen_t room)
{
	if (!target_waits(&request->target))
		return -ESRCH;
	if (!target_write(&request->target, request->call.addr, name, room < full ? room : full) ||
	    !target_write(&request->target, request->call.len, &full, sizeof(full)))
		return -EFAULT;
	return 0;
}

/* A bind to port 0 is not seen here, but its number is learned in no other way. (That of a client which was never bound is
 * taken for one as well; it only means that the number, should the suite have hardcoded it too, stays as it is.) */
static void given(struct notify_request *request, const struct sockaddr_storage *name)
{
	if (name->ss_family == AF_INET || name->ss_family == AF_INET6)
		berth_portmap_given(request->map,
		                    ntohs(((const struct sockaddr_in *)name)->sin_port));
}

static int on_name(struct notify_request *request)
{
	struct sockaddr_storage name = { 0 };
	socklen_t full = sizeof(name), room = 0;
	cleanup_close int fd = -1;
	bool peer = request->call.kind == NOTIFY_PEERNAME;

	if (!target_read(&request->target, request->call.len, &room, sizeof(room)) || room < 3 ||
	    room > INT_MAX)
		return CONTINUE_CALL;
	fd = request_socket(request);
	if (fd < 0 || (peer ? getpeername(fd, (struct sockaddr *)&name, &full)
	                    : getsockname(fd, (struct sockaddr *)&name, &full)))
		return CONTINUE_CALL;
	if (!peer)
		given(request, &name);
	return request_restore_port(request->map, &name, full)
	               ? request_name_out(request, &name, full, room)
	               : CONTINUE_CALL;
}

/* --- accept ------------------------------------------------------------------------------------------------------- */

/* Accept without waiting, though the listener may be a blocking one. */
static int accept_now(int fd, int flags, struct sockaddr_storage *name, socklen_t *len)
{
	struct timeval old = { 0 };
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	bool blocking = request_blocks(fd);
	int ret;

	if (poll(&poller, 1, 0) != 1 || !(poller.revents & POLLIN))
		return -EAGAIN;
	if (blocking)
		old = request_tick(fd, SO_RCVTIMEO, &request_one_tick);
	ret = request_result(accept4(fd, (struct sockaddr *)name, len, flags | SOCK_CLOEXEC));
	if (blocking)
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &old, sizeof(old));
	return ret;
}

/* Give the target a descriptor, which is the answer at the same time. */
static int hand_over(struct notify_request *request, int fd, int flags)
{
	struct seccomp_notif_addfd give_fd = { .id = request->target.id,
		                               .flags = SECCOMP_ADDFD_FLAG_SEND };

	give_fd.srcfd = (uint32_t)fd;
	give_fd.newfd_flags = flags & SOCK_CLOEXEC ? O_CLOEXEC : 0;
	if (ioctl(request->target.notify_fd, SECCOMP_IOCTL_NOTIF_ADDFD, &give_fd) < 0)
		return -errno;
	request->answered = true;
	return 0;
}

static int on_accept(struct notify_request *request)
{
	struct sockaddr_storage name = { 0 };
	socklen_t full = sizeof(name), room = 0;
	cleanup_close int fd = -1, served = -1;
	int flags = request->call.flags, ret;

	if (!request->worker->source_bound || flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK) ||
	    !target_read(&request->target, request->call.len, &room, sizeof(room)) ||
	    room > INT_MAX)
		return CONTINUE_CALL;
	fd = request_socket(request);
	if (fd < 0 || request_proto(fd) != BERTH_TCP || !target_waits(&request->target))
		return CONTINUE_CALL;
	served = accept_now(fd, flags, &name, &full);
	if (served == -EAGAIN)
		return request_blocks(fd) ? request_wait(request, &fd) : CONTINUE_CALL;
	if (served < 0)
		return served;
	request_restore_port(request->map, &name, full);
	ret = request_name_out(request, &name, full, room);
	return ret ? ret : hand_over(request, served, flags);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static int on_io_uring(struct notify_request *request)
{
	note_program(request, BERTH_NOTE_IO_URING, ENOSYS);
	return -ENOSYS; /* what a kernel without io_uring says: programs fall back */
}

static int on_foreign_arch(struct notify_request *request)
{
	note_program(request, BERTH_NOTE_ESCAPE, BERTH_ELF_FOREIGN_CLASS);
	return -ENOSYS;
}

static int (*const handlers[NOTIFY_KINDS])(struct notify_request *) = {
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

static void send_answer(int notify_fd, const struct seccomp_notif *notif,
                        struct seccomp_notif_resp *answer, int ret)
{
	answer->id = notif->id;
	answer->error = ret < 0 && ret != CONTINUE_CALL ? ret : 0;
	answer->val = ret > 0 ? ret : 0;
	answer->flags = ret == CONTINUE_CALL ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
	/* ENOENT: the target was killed, or a signal took it out of the call */
	ioctl(notify_fd, SECCOMP_IOCTL_NOTIF_SEND, answer);
}

bool notify_answer(int notify_fd, struct notify_worker *worker, const struct seccomp_notif *notif,
                   struct seccomp_notif_resp *answer, struct notify_wait *wait)
{
	struct notify_request request = { .worker = worker, .map = worker->map, .wait = wait };
	int ret = CONTINUE_CALL;

	request.call = notify_decode(&notif->data);
	request.target = (struct target){ notify_fd, (pid_t)notif->pid, notif->id, &worker->last };
	/* 0: in a pid namespace that we cannot see */
	if (notif->pid && handlers[request.call.kind])
		ret = handlers[request.call.kind](&request);
	if (ret == CALL_WAITS)
		return false;
	if (!request.answered)
		send_answer(notify_fd, notif, answer, ret);
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

bool notify_wait_ends(int notify_fd, const struct seccomp_notif *notif,
                      struct seccomp_notif_resp *answer, const struct notify_wait *wait)
{
	struct target target = { .notify_fd = notify_fd,
		                 .pid = (pid_t)notif->pid,
		                 .id = notif->id };
	int ret = CONTINUE_CALL;

	if (!target_waits(&target))
		return true;
	if (wait->deadline_ms && clock_ms() >= wait->deadline_ms)
		ret = wait->done ? (int)wait->done : -EAGAIN;
	else if (!is_signalled(target.pid))
		return false;
	else if (wait->done)
		ret = (int)wait->done;
	send_answer(notify_fd, notif, answer, ret);
	return true;
}
