/* SPDX-License-Identifier: MIT */
/*
 * What the handlers of notifications share: reading an address out of the target's memory, asking
 * the port policy about it, and writing one back. Runs in the supervisor; waits for nothing but
 * memory.
 */
#include "tools/isolate/seccomp/request.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

#include "core/launch.h"
#include "tools/base/cleanup.h"
#include "tools/base/clock.h"

enum { PROTO_UDPLITE = 136, PROTO_MPTCP = 262 }; /* not in every netinet/in.h */

static void leave_note(const struct notify_request *request, struct berth_note *note)
{
	note->pid = request->target.pid;
	note->time_ns = (uint64_t)clock_ns();
	berth_portmap_note(request->map, note);
}

void request_note_program(const struct notify_request *request, enum berth_note_kind kind,
                          int error)
{
	struct berth_note note;
	char path[PATH_MAX];

	target_program(&request->target, path, sizeof(path));
	if (berth_launch_note(request->map, kind, error, path, &note))
		leave_note(request, &note);
}

void request_note_decision(const struct notify_request *request,
                           const struct berth_decision *decision, const struct berth_ip *ip)
{
	struct berth_note note = { 0 };

	if (!berth_decision_has_note(request->map, decision))
		return;
	berth_decision_note(decision, ip, &note);
	leave_note(request, &note);
}

int request_proto(int fd)
{
	int protocol = -1;
	socklen_t len = sizeof(protocol);

	if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len))
		return -1;
	switch (protocol) {
	case IPPROTO_TCP:
	case PROTO_MPTCP: return BERTH_TCP;
	case IPPROTO_UDP:
	case PROTO_UDPLITE: return BERTH_UDP;
	default: return -1;
	}
}

int request_socket(struct notify_request *request)
{
	int fd = request->wait->fd;

	if (fd >= 0) { /* this call has waited: its number may name another socket by now */
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
 * An address that may not be read. Its length tells whether it can hold a port: programs that
 * protect their memory (the agents of ssh and GnuPG) listen on Unix sockets, whose addresses are
 * longer.
 */
static void note_blind(const struct notify_request *request, uint64_t len)
{
	if (len == sizeof(struct sockaddr_in) || len == sizeof(struct sockaddr_in6) ||
	    len == sizeof(struct sockaddr_storage))
		request_note_program(request, BERTH_NOTE_BLIND, EPERM);
}

bool request_copy_address(const struct notify_request *request, uint64_t from, uint64_t len,
                          enum berth_addr_use use, struct request_address *ret)
{
	if (!from || len < BERTH_ABSTRACT_HEAD || len > sizeof(struct sockaddr_storage))
		return false;
	ret->len = len < sizeof(ret->bytes) ? (socklen_t)len : sizeof(ret->bytes);
	errno = 0;
	if (target_read(&request->target, from, ret->bytes, ret->len)) {
		ret->is_name = len == ret->len && berth_abstract_parse(ret->bytes, ret->len);
		if (ret->len > BERTH_SOCKADDR_MAX && !ret->is_name)
			ret->len = BERTH_SOCKADDR_MAX;
		return ret->is_name ||
		       berth_addr_parse(request->map, ret->bytes, ret->len, use, &ret->addr);
	}
	if (errno == EPERM)
		note_blind(request, len);
	return false;
}

enum berth_verdict request_outbound(const struct notify_request *request, int proto,
                                    struct request_address *address)
{
	struct berth_decision decision;
	struct berth_note note;

	if (address->is_name) {
		decision = berth_abstract_outbound(request->map, address->bytes, &address->len);
		if (berth_abstract_note(request->map, &decision, address->bytes, address->len,
		                        &note))
			leave_note(request, &note);
		return (enum berth_verdict)decision.verdict;
	}
	if (proto < 0)
		return BERTH_PASS;
	decision = berth_outbound(request->map, (enum berth_proto)proto, address->addr.port);
	request_note_decision(request, &decision, &address->addr.ip);
	if (decision.verdict == BERTH_USE)
		berth_addr_set_port(address->bytes, decision.real_port);
	return (enum berth_verdict)decision.verdict;
}

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

int request_write_name(const struct notify_request *request, const struct sockaddr_storage *name,
                       socklen_t full, socklen_t space)
{
	if (!target_waits(&request->target))
		return -ESRCH;
	if (!target_write(&request->target, request->call.addr, name,
	                  space < full ? space : full) ||
	    !target_write(&request->target, request->call.len, &full, sizeof(full)))
		return -EFAULT;
	return 0;
}

int request_result(long ret)
{
	return ret < 0 ? -errno : (int)ret;
}

bool request_blocks(int fd)
{
	return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

struct timeval request_limit(int fd, int option)
{
	const struct timeval tick = { .tv_usec = 1 };
	struct timeval old = { 0 };
	socklen_t len = sizeof(old);

	if (getsockopt(fd, SOL_SOCKET, option, &old, &len))
		memset(&old, 0, sizeof(old));
	setsockopt(fd, SOL_SOCKET, option, &tick, sizeof(tick));
	return old;
}
