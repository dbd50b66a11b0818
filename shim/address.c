/* SPDX-License-Identifier: MIT */
/*
 * What every hook does with an address: copy it and ask the port policy on the way in, put the
 * virtual port back on the way out.
 *
 * The caller's pointer may be anything, and where the kernel would answer EFAULT, a load here would
 * kill the program. So memory outside the caller's own stack is checked first (shim_readable). What
 * cannot be read is passed on for the kernel to refuse.
 */
#include "shim/shim.h"

#include <time.h>

uintptr_t shim_state;

enum { PAGE = 4096, NEAR_STACK = 32 * 1024 };

/*
 * rt_sigprocmask(2) with an impossible `how` reads eight bytes, then fails with EINVAL; with EFAULT
 * if it could not read them. The eight are chosen within @at's page.
 */
static bool byte_readable(uintptr_t at)
{
	uintptr_t word = at % PAGE > PAGE - 8 ? at - at % 8 : at;

	return sys(SYS_rt_sigprocmask, -1, word, 0, 8, 0) != -EFAULT;
}

/*
 * Pages that this thread has found readable. Asking the kernel costs half a getsockname(2), and
 * programs use the same few places again. Only the thread itself writes here. The child of a vfork,
 * which borrows the thread's memory, writes what is true for both. Initial-exec: the loader
 * allocates it before any code runs.
 */
enum { KNOWN = 8 };
static __thread uintptr_t known[KNOWN] __attribute__((tls_model("initial-exec")));

static bool page_readable(uintptr_t at)
{
	uintptr_t page = at / PAGE;

	if (page && known[page % KNOWN] == page) /* an empty entry is 0 */
		return true;
	if (!byte_readable(at))
		return false;
	known[page % KNOWN] = page;
	return true;
}

bool shim_readable(const void *at, size_t len)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t first = (uintptr_t)at;
	uintptr_t last = first + len - 1;

	if (first > here && last - here < NEAR_STACK)
		return true;
	if (last < first)
		return false;
	/* every page: the range may be a long array of message headers */
	for (; first / PAGE < last / PAGE; first = (first | (PAGE - 1)) + 1)
		if (!page_readable(first))
			return false;
	return page_readable(last);
}

unsigned int shim_readable_messages(const struct mmsghdr *messages, unsigned int count)
{
	unsigned int ready = 0;

	while (ready < count && shim_readable(&messages[ready], sizeof(*messages)))
		ready++;
	return ready;
}

int shim_proto(int fd)
{
	int protocol = 0;
	socklen_t len = sizeof(protocol);

	if (sys(SYS_getsockopt, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) < 0)
		return -1;
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_MPTCP: return BERTH_TCP;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE: return BERTH_UDP;
	default: return -1;
	}
}

int shim_proto_for(const struct berth_portmap *map, int fd, uint16_t port)
{
	return berth_policy_needs_proto(map, port) ? shim_proto(fd) : BERTH_TCP;
}

bool shim_address_copy(const struct berth_portmap *map, const void *sa, socklen_t len,
                       enum berth_addr_use use, struct shim_copy *ret_copy)
{
	/* longer, or negative, is EINVAL for the kernel */
	if (!sa || len < sizeof(struct sockaddr_in) || len > sizeof(struct sockaddr_storage))
		return false;
	ret_copy->len = len < BERTH_SOCKADDR_MAX ? len : BERTH_SOCKADDR_MAX;
	if (!shim_readable(sa, ret_copy->len))
		return false;
	__builtin_memcpy(ret_copy->bytes, sa, ret_copy->len);
	return berth_addr_parse(map, ret_copy->bytes, ret_copy->len, use, &ret_copy->addr);
}

bool shim_unix_copy(const void *sa, socklen_t len, struct shim_copy *ret_copy)
{
	struct sockaddr_un *un = (struct sockaddr_un *)ret_copy->bytes;

	if (!sa || len <= offsetof(struct sockaddr_un, sun_path) || len > sizeof(*un) ||
	    !shim_readable(sa, len))
		return false;
	__builtin_memcpy(&un->sun_family, sa, sizeof(un->sun_family));
	if (un->sun_family != AF_UNIX)
		return false;
	__builtin_memset(ret_copy->bytes, 0, sizeof(ret_copy->bytes));
	__builtin_memcpy(ret_copy->bytes, sa, len);
	ret_copy->len = len;
	return true;
}

/* A Unix address: an abstract name, or a path that the run has put elsewhere. */
static enum berth_verdict unix_outbound(const struct berth_portmap *map, const void *sa,
                                        socklen_t len, struct shim_copy *ret_copy)
{
	struct sockaddr_un *un = (struct sockaddr_un *)ret_copy->bytes;
	const char *moved;

	if (!shim_unix_copy(sa, len, ret_copy))
		return BERTH_PASS;
	ret_copy->is_name = berth_abstract_parse(un, len);
	if (ret_copy->is_name) {
		ret_copy->decision = berth_abstract_outbound(map, un, &ret_copy->len);
		return ret_copy->decision.verdict;
	}
	moved = berth_unix_real(map->unix_rules, un->sun_path);
	if (!moved)
		return BERTH_PASS;
	__builtin_memcpy(un->sun_path, moved, BERTH_UNIX_PATH);
	ret_copy->len = sizeof(*un);
	return BERTH_USE;
}

enum berth_verdict shim_address_outbound(const struct berth_portmap *map, int fd, const void *sa,
                                         socklen_t len, enum berth_addr_use use,
                                         struct shim_copy *ret_copy)
{
	int proto;

	ret_copy->decision = (struct berth_decision){ .verdict = BERTH_PASS };
	ret_copy->is_name = false;
	if (shim_is_view() || !shim_address_copy(map, sa, len, use, ret_copy))
		return unix_outbound(map, sa, len, ret_copy);
	proto = shim_proto_for(map, fd, ret_copy->addr.port);
	if (proto < 0)
		return BERTH_PASS;
	ret_copy->decision = berth_outbound(map, (enum berth_proto)proto, ret_copy->addr.port);
	if (ret_copy->decision.verdict == BERTH_USE)
		berth_addr_set_port(ret_copy->bytes, ret_copy->decision.real_port);
	return ret_copy->decision.verdict;
}

socklen_t shim_address_space(const void *sa, const socklen_t *len)
{
	return sa && len && shim_readable(len, sizeof(*len)) ? *len : 0;
}

static void restore_port(const struct berth_portmap *map, void *sa, socklen_t space, socklen_t full)
{
	unsigned char *byte = sa;
	struct berth_addr addr;
	uint16_t port, virtual_port;

	if (space > full)
		space = full;
	port = (uint16_t)(byte[2] << 8 | byte[3]);
	virtual_port = berth_portmap_virtual(map, port);
	if (virtual_port == port)
		return;
	/* an address that was cut off is taken for local: its port is one of the block */
	if (space >= full && !berth_addr_parse(map, sa, full, BERTH_ADDR_PLAIN, &addr))
		return;
	berth_addr_set_port(sa, virtual_port);
}

socklen_t shim_address_restore(const struct berth_portmap *map, void *sa, socklen_t space,
                               socklen_t full)
{
	uint16_t family;

	if (space < 4 || full < sizeof(struct sockaddr_in))
		return full;
	__builtin_memcpy(&family, sa, sizeof(family));
	if (family == AF_UNIX)
		return berth_abstract_restore(map, sa, space, full);
	if ((family == AF_INET || family == AF_INET6) && !shim_is_view())
		restore_port(map, sa, space, full);
	return full;
}

void shim_note(struct berth_portmap *map, struct berth_note *note)
{
	struct timespec now = { 0 };

	note->pid = (int32_t)sys(SYS_getpid, 0, 0, 0, 0, 0);
	note->pid_inside = 1;
	if (!sys(SYS_clock_gettime, CLOCK_MONOTONIC, &now, 0, 0, 0))
		note->time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	berth_portmap_note(map, note);
}

void shim_note_decision(struct berth_portmap *map, const struct berth_decision *decision,
                        const struct berth_ip *ip)
{
	struct berth_note note = { 0 };

	if (!berth_decision_has_note(map, decision))
		return;
	berth_decision_note(decision, ip, &note);
	shim_note(map, &note);
}

void shim_note_outbound(struct berth_portmap *map, const struct shim_copy *copy)
{
	struct berth_note note;

	if (__builtin_expect(!copy->decision.note, 1))
		return;
	if (!copy->is_name)
		shim_note_decision(map, &copy->decision, &copy->addr.ip);
	else if (berth_abstract_note(map, &copy->decision, copy->bytes, copy->len, &note))
		shim_note(map, &note);
}

int shim_refuse(struct berth_portmap *map, const struct shim_copy *copy)
{
	shim_note_outbound(map, copy);
	errno = copy->decision.error;
	return -1;
}
