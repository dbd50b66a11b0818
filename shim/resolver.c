/* SPDX-License-Identifier: MIT */
/*
 * The C library's resolver connects and sends inside libc, past every hook. So the ports in its
 * list of name servers are replaced before it is asked: res_nquery(3) has the list as an argument,
 * res_query(3) has the thread's. getaddrinfo(3) reads it from resolv.conf, where all servers have
 * port 53. musl has no such list: docs/limits.md.
 */
#include "shim/shim.h"

enum { DNS = 53 };

static void move_server(struct berth_portmap *map, void *sa, uint32_t len)
{
	struct berth_decision decision;
	struct berth_addr addr;

	if (!sa || !berth_addr_parse(map, sa, len, BERTH_ADDR_PLAIN, &addr))
		return;
	decision = berth_outbound(map, BERTH_UDP, addr.port);
	if (decision.verdict == BERTH_USE)
		berth_addr_set_port(sa, decision.real_port);
	else if (decision.verdict == BERTH_PASS &&
	         addr.port != DNS) /* that is no server of a suite */
		shim_note_decision(map, &decision, &addr.ip);
}

static void move_servers(res_state state)
{
	struct berth_portmap *map = shim_map();

	for (int i = 0; map && state && i < state->nscount && i < MAXNS; i++) {
		move_server(map, &state->nsaddr_list[i], sizeof(state->nsaddr_list[i]));
		move_server(map, state->_u._ext.nsaddrs[i], sizeof(struct sockaddr_in6));
	}
}

/* The thread's list; NULL before its first use, and in musl. */
static res_state own_list(void)
{
	res_state state = __res_state ? __res_state() : NULL;

	return state && state->options & RES_INIT ? state : NULL;
}

/* Before a call that reads resolv.conf, if that may name a server of the worker. */
static void move_system_servers(void)
{
	struct berth_portmap *map = shim_map();
	int saved = errno;

	if (!map)
		return;
	if (!own_list() && berth_portmap_real(map, BERTH_UDP, DNS) && __res_state && __res_ninit)
		__res_ninit(__res_state());
	move_servers(own_list());
	errno = saved;
}

EXPORT int getaddrinfo(const char *restrict node, const char *restrict service,
                       const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
	move_system_servers();
	return SHIM_NEXT(getaddrinfo)(node, service, hints, ret);
}

EXPORT struct hostent *gethostbyname(const char *name)
{
	move_system_servers();
	return SHIM_NEXT(gethostbyname)(name);
}

#define HOOK(name, list, parameters, ...) \
	int name parameters; \
	EXPORT int name parameters \
	{ \
		move_servers(list); \
		return SHIM_NEXT(name)(__VA_ARGS__); \
	}
#define ASK const char *name, int class, int type, unsigned char *answer, int len
#define DOMAIN_ \
	const char *name, const char *domain, int class, int type, unsigned char *answer, int len
#define MESSAGE const unsigned char *message, int message_len, unsigned char *answer, int len

#define HOOKS(prefix) \
	HOOK(prefix##query, own_list(), (ASK), name, class, type, answer, len) \
	HOOK(prefix##search, own_list(), (ASK), name, class, type, answer, len) \
	HOOK(prefix##querydomain, own_list(), (DOMAIN_), name, domain, class, type, answer, len) \
	HOOK(prefix##send, own_list(), (MESSAGE), message, message_len, answer, len) \
	HOOK(prefix##nquery, state, (res_state state, ASK), state, name, class, type, answer, len) \
	HOOK(prefix##nsearch, state, (res_state state, ASK), state, name, class, type, answer, \
	     len) \
	HOOK(prefix##nquerydomain, state, (res_state state, DOMAIN_), state, name, domain, class, \
	     type, answer, len) \
	HOOK(prefix##nsend, state, (res_state state, MESSAGE), state, message, message_len, \
	     answer, len)

HOOKS(res_)
HOOKS(__res_)
