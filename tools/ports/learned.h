/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PORTS_LEARNED_H
#define BERTH_PORTS_LEARNED_H
/*
 * learned-ports.json: ports that a suite bound without anybody having declared them. The next run of the same command for
 * the same task declares them, so that from the second run on a client that is early is refused and never reaches a
 * neighbour.
 *
 * Same command and same task: another command of the project may well want the host's server on that very port.
 *
 * A UDP port counts from the second run in a row that bound it: browsers and resolvers bind random ones as source ports,
 * and those never come back.
 *
 * Functions return 0 or -errno; nothing here prints.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEARNED_MOST_DAYS = 30 };

/**
 * @command	strv, before placeholders are filled in
 * @task	name of the task; NULL for numbered copies, which are all alike
 * @ret_ports	0-terminated, the caller's to free; NULL if nothing is known
 */
int learned_load(const char *dir, char *const *command, const char *task, uint16_t **ret_ports);

struct learned_port {
	uint16_t port; /* 0 ends the list */
	bool udp_only;
};

/** Remember @ports for the command and task, beside what is known already. Takes away the doubt about those known. */
int learned_save(const char *dir, char *const *command, const char *task,
                 struct learned_port *ports);

#endif
