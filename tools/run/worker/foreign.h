/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WORKER_FOREIGN_H
#define BERTH_RUN_WORKER_FOREIGN_H
/* Who listens on a port that a worker connected to and that is not in its port map? */
#include <stdbool.h>
#include <sys/types.h>

#include "core/portmap.h"

/**
 * @init	the worker's worker init; 0 = it has ended
 * @ret_who	the listener's command and pid where we may see them, the caller's to free; else
 *		NULL
 * Return: true if a process outside the worker listens on the port.
 */
bool foreign_is_outsider(pid_t init, enum berth_proto proto, uint16_t port, char **ret_who);

/** The same for abstract socket @name, "@name", which may be cut off at BERTH_NOTE_TEXT - 1. */
bool foreign_is_outsider_name(pid_t init, const char *name, char **ret_who);

#endif
