/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PORTS_LEARNED_H
#define BERTH_PORTS_LEARNED_H
/*
 * learned-ports.json: undeclared ports that a suite bound. The next run of the same command and
 * task declares them. Then a client that connects before its server listens is refused, and never
 * reaches another worker's server.
 *
 * Another command of the project may use the host's server on the same port, so that only the same
 * command counts.
 *
 * A UDP port counts after two runs in a row bound it, because browsers and resolvers bind random
 * source ports.
 *
 * Functions return 0 or -errno; nothing here prints.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEARNED_MAX_DAYS = 30 };

/**
 * @command	strv, before placeholders are filled in
 * @task	name of the task; NULL for numbered copies, which share what they learn
 * @ret_ports	0-terminated, the caller's to free; NULL if no port is known
 */
int learned_load(const char *dir, char *const *command, const char *task, uint16_t **ret_ports);

struct learned_port {
	uint16_t port; /* 0 ends the list */
	bool udp_only;
};

/** Add @ports to the known ones. Clears .udp_only of a UDP port that was bound before. */
int learned_save(const char *dir, char *const *command, const char *task,
                 struct learned_port *ports);

#endif
