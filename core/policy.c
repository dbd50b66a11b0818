/* SPDX-License-Identifier: MIT */
/*
 * The rare parts of the port policy: the first bind of a port, a bind that failed, socket paths.
 *
 * They take the decision by pointer, because a function of a BPF program cannot return a structure.
 */
#include "core/policy.h"

void berth_bind_claim(struct berth_portmap *map, struct berth_decision *decision)
{
	enum berth_proto proto = (enum berth_proto)decision->proto;
	bool is_new = false;

	decision->real_port = berth_portmap_claim(map, proto, decision->port, &is_new);
	decision->note_port = decision->real_port;
	if (!decision->real_port) {
		decision->verdict = BERTH_REFUSE;
		decision->note = BERTH_NOTE_EXHAUSTED;
		decision->error = BERTH_ADDRESS_IN_USE;
	} else if (is_new) {
		decision->note = BERTH_NOTE_LEARNED;
	} else if (decision->real_port == decision->port &&
	           !berth_portmap_real(map, proto, decision->port)) {
		decision->note = BERTH_NOTE_UNMAPPED;
	}
}

void berth_bind_failed(struct berth_portmap *map, int error, struct berth_decision *decision)
{
	uint16_t failed = decision->real_port;

	decision->verdict = BERTH_REFUSE;
	decision->note = BERTH_NOTE_NONE;
	decision->error = (uint16_t)error;
	if (error != BERTH_ADDRESS_IN_USE) {
		berth_portmap_untry(map, failed);
		return;
	}
	decision->note = BERTH_NOTE_CONFLICT;
	decision->note_port = failed;
	decision->real_port = berth_portmap_move(map, (enum berth_proto)decision->proto,
	                                         decision->port, failed);
	if (!decision->real_port)
		return;
	decision->verdict = BERTH_USE;
	decision->note = BERTH_NOTE_OUTSIDER;
	decision->first = berth_portmap_try(map, decision->real_port);
}

static bool path_equal(const char *a, const char *b)
{
	for (uint32_t i = 0; i < BERTH_UNIX_PATH; i++) {
		if (a[i] != b[i])
			return false;
		if (!a[i])
			return true;
	}
	return true;
}

const char *berth_unix_real(const struct berth_unix_rule *rules, const char *path)
{
	/* an abstract name or a relative path is in no rule */
	for (uint32_t i = 0; path[0] == '/' && i < BERTH_UNIX_RULES_MAX && rules[i].from[0]; i++)
		if (path_equal(rules[i].from, path))
			return rules[i].to;
	return NULL;
}
