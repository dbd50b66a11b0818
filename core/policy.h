/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_POLICY_H
#define BERTH_CORE_POLICY_H
/*
 * The port policy: what becomes of a bind, a connect or a datagram. The three backends (shim/,
 * tools/isolate/seccomp/, bpf/remap.bpf.c) read the address, ask here, carry the verdict out and
 * deliver the note. They decide nothing themselves.
 *
 *	bind	berth_bind_begin()	before bind(2); announces the try in the port map
 *		berth_portmap_bound()	bind(2) of the real port succeeded
 *		berth_bind_failed()	it failed: the next real port, or the answer for the program
 *	connect, send
 *		berth_outbound()
 *
 * The caller has found that the address is local and has a port (core/addr.h). All ports are in
 * host byte order. Like core/portmap.h, all functions here are total and take no lock.
 *
 * Where the backends must differ:
 *
 *	shim	It asks a socket for its protocol only if the verdict depends on it, because that
 *		call costs more than the rewriting. It notes a foreign connection after the call
 *		has succeeded.
 *	seccomp	The supervisor makes the call, with its own rights, so it binds ports of the
 *		worker's block only. The worker makes the other calls itself, and their results
 *		are not visible: a foreign connection is noted before.
 *	bpf	How bind(2) ends is not visible. At the first try of a port the program looks for a
 *		socket of an outsider, and reports one as a failure; the supervisor looks at all
 *		other first tries later. A foreign connection is noted if someone listens there.
 */
#include "core/portmap.h"

enum berth_verdict {
	BERTH_PASS,   /* make the call with the address as it is */
	BERTH_USE,    /* make the call with .real_port */
	BERTH_REFUSE, /* do not make the call: it fails with .error */
};

struct berth_decision {
	uint8_t verdict;    /* enum berth_verdict */
	uint8_t note;       /* enum berth_note_kind of the note to leave; BERTH_NOTE_NONE = none */
	uint8_t proto;      /* enum berth_proto */
	uint8_t first;      /* 1: the first bind of .real_port in the worker */
	uint16_t port;      /* the port that the program named */
	uint16_t real_port; /* USE: the port for the call */
	uint16_t note_port; /* real port that the note names; 0 = none */
	uint16_t error;     /* errno of REFUSE and of the note; 0 = none */
};

/* errno values of the machines that core/elf.c names; core/ includes no libc header */
enum { BERTH_ADDRESS_IN_USE = 98, BERTH_CONNECTION_REFUSED = 111 };

/** True if the verdict on @port depends on the protocol: else any may be passed. */
static inline bool berth_policy_needs_proto(const struct berth_portmap *map, uint16_t port)
{
	uint16_t real = berth_portmap_real(map, BERTH_TCP, port);

	return !real || real != berth_portmap_real(map, BERTH_UDP, port);
}

/** berth_bind_begin() for a port that has no real port yet. */
void berth_bind_claim(struct berth_portmap *map, struct berth_decision *decision);

/**
 * A program wants to bind @port.
 * Return: PASS: it is a real port already; USE; REFUSE: the worker's block is exhausted.
 */
berth_inline struct berth_decision berth_bind_begin(struct berth_portmap *map,
                                                    enum berth_proto proto, uint16_t port)
{
	struct berth_decision decision = { .proto = (uint8_t)proto, .port = port };

	if (berth_portmap_is_real(map, proto, port))
		return decision;
	decision.real_port = berth_portmap_real(map, proto, port);
	decision.verdict = BERTH_USE;
	if (!decision.real_port)
		berth_bind_claim(map, &decision);
	if (decision.verdict == BERTH_USE)
		decision.first = berth_portmap_try(map, decision.real_port);
	return decision;
}

/**
 * bind(2) of @decision's real port failed with @error, a positive errno. Replaces @decision, whose
 * protocol must be the socket's own from here on.
 *
 * USE: an outsider held that port, and the virtual port has moved to the next one. REFUSE: @error
 * is the answer, because the worker itself may hold the port, because the block is exhausted, or
 * because the failure has nothing to do with the port.
 */
void berth_bind_failed(struct berth_portmap *map, int error, struct berth_decision *decision);

/**
 * A program wants to connect or send to @port.
 * Return: USE: the worker has the port. PASS without a note: a real port, one that is shared with
 * the host, one that the kernel has given to the worker, or an ephemeral one of UDP. PASS with a
 * note, or REFUSE (BERTH_MAP_STRICT): a foreign port.
 */
berth_inline struct berth_decision berth_outbound(const struct berth_portmap *map,
                                                  enum berth_proto proto, uint16_t port)
{
	struct berth_decision decision = { .proto = (uint8_t)proto, .port = port };

	if (berth_portmap_is_real(map, proto, port))
		return decision;
	decision.real_port = berth_portmap_real(map, proto, port);
	if (decision.real_port) {
		decision.verdict = decision.real_port == port ? BERTH_PASS : BERTH_USE;
		return decision;
	}
	/* An answer to a client: the kernel chose its port in the send, which no backend sees. */
	if (proto == BERTH_UDP && port >= map->ephemeral_low && port <= map->ephemeral_high)
		return decision;
	decision.note_port = port;
	decision.note = BERTH_NOTE_FOREIGN;
	if (map->flags & BERTH_MAP_STRICT) {
		decision.verdict = BERTH_REFUSE;
		decision.note = BERTH_NOTE_REFUSED;
		decision.error = BERTH_CONNECTION_REFUSED;
	}
	return decision;
}

/** True if @decision has a note that is news: a foreign port is noted once. */
static inline bool berth_decision_has_note(struct berth_portmap *map,
                                           const struct berth_decision *decision)
{
	return decision->note && (decision->note != BERTH_NOTE_FOREIGN ||
	                          berth_portmap_foreign_first(
					  map, (enum berth_proto)decision->proto, decision->port));
}

/** Write @decision's note into @note, a zeroed one; the caller adds the process and the time. */
static inline void berth_decision_note(const struct berth_decision *decision,
                                       const struct berth_ip *ip, struct berth_note *note)
{
	note->kind = decision->note;
	note->proto = decision->proto;
	note->virtual_port = decision->port;
	note->real_port = decision->note_port;
	note->error = decision->error;
	note->ip = *ip;
}

/**
 * The run has put the Unix socket of some paths elsewhere.
 * @rules	BERTH_UNIX_RULES_MAX of them; an empty one ends the list
 * @path	sun_path, BERTH_UNIX_PATH bytes, NUL-terminated or full
 * Return: the path to connect to, as long; NULL if no rule names @path.
 */
const char *berth_unix_real(const struct berth_unix_rule *rules, const char *path);

#endif
