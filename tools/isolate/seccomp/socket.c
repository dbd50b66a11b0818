/* SPDX-License-Identifier: MIT */
/*
 * The handlers of bind(2), connect(2), getsockname(2), getpeername(2) and accept(2). core/policy.c
 * and core/abstract.c decide; here the call is made on a duplicate of the target's socket, in the
 * supervisor.
 *
 * No handler waits for a connect. The duplicate's connect gets one clock tick: on loopback the
 * handshake is over within the call. If it is not, the socket is connecting, and the target
 * continues: connect(2) on a connecting socket waits for that connection whatever address it names
 * (__inet_stream_connect()), in the target's own context, so that signals, restarts and time limits
 * are the kernel's business.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/isolate/seccomp/request.h"

/* --- bind ------------------------------------------------------------------------------------- */

/* The supervisor binds ports of the block only. The worker binds others, with its own rights. */
static bool is_in_block(const struct notify_request *request, uint16_t real)
{
	return (uint32_t)real - request->worker->block_base < request->worker->block_len;
}

/*
 * Sends to names are not looked at here, so names of datagram sockets stay what the program says.
 */
static int bind_name(struct notify_request *request, int fd, struct request_address *address)
{
	int type = SOCK_DGRAM;
	socklen_t len = sizeof(type);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type == SOCK_DGRAM ||
	    !target_waits(&request->target))
		return CONTINUE_CALL;
	berth_abstract_bind(request->map, address->bytes, &address->len);
	return request_result(bind(fd, (struct sockaddr *)address->bytes, address->len));
}

int on_bind(struct notify_request *request)
{
	struct request_address address;
	struct berth_decision decision;
	cleanup_close int fd = -1;
	int proto, ret = 0;

	if (!request_copy_address(request, request->call.addr, (uint32_t)request->call.len,
	                          BERTH_ADDR_UNSPEC_IS_INET, &address))
		return CONTINUE_CALL;
	fd = request_socket(request);
	if (address.is_name)
		return bind_name(request, fd, &address);
	proto = fd < 0 ? -1 : request_proto(fd);
	if (proto < 0 || !target_waits(&request->target))
		return CONTINUE_CALL;
	decision = berth_bind_begin(request->map, (enum berth_proto)proto, address.addr.port);
	request_note_decision(request, &decision, &address.addr.ip);
	while (decision.verdict == BERTH_USE) {
		if (!is_in_block(request, decision.real_port))
			return CONTINUE_CALL;
		berth_addr_set_port(address.bytes, decision.real_port);
		ret = request_result(bind(fd, (struct sockaddr *)address.bytes, address.len));
		if (!ret) {
			berth_portmap_bound(request->map, decision.real_port);
			return 0;
		}
		berth_bind_failed(request->map, -ret, &decision);
		request_note_decision(request, &decision, &address.addr.ip);
	}
	return decision.verdict == BERTH_PASS ? CONTINUE_CALL : -(int)decision.error;
}

/* --- connect ---------------------------------------------------------------------------------- */

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
	old = request_limit(fd, SO_SNDTIMEO);
	ret = request_result(connect(fd, sa, address->len));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &old, sizeof(old));
	return ret == -EINPROGRESS || ret == -EALREADY ? CONTINUE_CALL : ret;
}

/* A connect to a path that the run may have put elsewhere. */
static int connect_unix(struct notify_request *request, uint32_t len)
{
	struct request_address address = { .len = sizeof(struct sockaddr_un) };
	struct sockaddr_un *un = (struct sockaddr_un *)address.bytes;
	const struct berth_unix_rule *rules = request->worker->unix_rules;
	cleanup_close int fd = -1;
	const char *real;

	if (!rules[0].from[0] || len <= offsetof(struct sockaddr_un, sun_path) ||
	    len > sizeof(*un) ||
	    !target_read(&request->target, request->call.addr, address.bytes, len) ||
	    un->sun_family != AF_UNIX)
		return CONTINUE_CALL;
	real = berth_unix_real(rules, un->sun_path);
	if (!real)
		return CONTINUE_CALL;
	fd = request_socket(request);
	if (fd < 0 || !target_waits(&request->target))
		return CONTINUE_CALL;
	memcpy(un->sun_path, real, BERTH_UNIX_PATH);
	return connect_real(request, fd, &address, -1);
}

int on_connect(struct notify_request *request)
{
	uint32_t len = (uint32_t)request->call.len;
	struct request_address address;
	cleanup_close int fd = -1;
	int proto;

	if (!request_copy_address(request, request->call.addr, len, BERTH_ADDR_PLAIN, &address))
		return connect_unix(request, len);
	fd = request_socket(request);
	proto = fd < 0 ? -1 : request_proto(fd);
	if (fd < 0 || (proto < 0 && !address.is_name) || !target_waits(&request->target))
		return CONTINUE_CALL;
	switch (request_outbound(request, proto, &address)) {
	case BERTH_REFUSE: return -ECONNREFUSED;
	case BERTH_USE:
		/* the server sees who connects: SO_PEERCRED */
		if (address.is_name && !target_is_our_user(&request->target))
			return -EACCES;
		return connect_real(request, fd, &address, proto);
	case BERTH_PASS: break;
	}
	return CONTINUE_CALL;
}

/* --- names ------------------------------------------------------------------------------------ */

/*
 * The only place where the number of a bind to port 0 shows. The number of a client that was never
 * bound shows here, too. Then the worker keeps that number unchanged should it ever bind it by
 * name.
 */
static void record_given(struct notify_request *request, const struct sockaddr_storage *name)
{
	if (name->ss_family == AF_INET || name->ss_family == AF_INET6)
		berth_portmap_given(request->map,
		                    ntohs(((const struct sockaddr_in *)name)->sin_port));
}

int on_name(struct notify_request *request)
{
	struct sockaddr_storage name = { 0 };
	socklen_t full = sizeof(name), space = 0;
	cleanup_close int fd = -1;
	bool peer = request->call.kind == NOTIFY_PEERNAME;

	if (!target_read(&request->target, request->call.len, &space, sizeof(space)) ||
	    space > INT_MAX)
		return CONTINUE_CALL;
	fd = request_socket(request);
	if (fd < 0 || (peer ? getpeername(fd, (struct sockaddr *)&name, &full)
	                    : getsockname(fd, (struct sockaddr *)&name, &full)))
		return CONTINUE_CALL;
	if (!peer)
		record_given(request, &name);
	if (name.ss_family == AF_UNIX)
		full = berth_abstract_restore(request->map, &name, sizeof(name), full);
	else if (!request_restore_port(request->map, &name, full))
		return CONTINUE_CALL;
	return request_write_name(request, &name, full, space);
}

/* --- accept ----------------------------------------------------------------------------------- */

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
		old = request_limit(fd, SO_RCVTIMEO);
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

int on_accept(struct notify_request *request)
{
	struct sockaddr_storage name = { 0 };
	socklen_t full = sizeof(name), space = 0;
	cleanup_close int fd = -1, served = -1;
	int flags = request->call.flags, ret;

	if (!request->worker->source_bound || flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK) ||
	    !target_read(&request->target, request->call.len, &space, sizeof(space)) ||
	    space > INT_MAX)
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
	ret = request_write_name(request, &name, full, space);
	return ret ? ret : hand_over(request, served, flags);
}
