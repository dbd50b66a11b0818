/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_FOREIGN_H
#define BERTH_RUN_FOREIGN_H
/* Who listens on a port that a worker connected to and does not own? */
#include "tools/run/run.h"

/**
 * @ret_who	the listener's command and pid where we may know it, the caller's to free
 * Return: true if somebody listens there who is not a process of the worker.
 */
bool foreign_is_outsider(const struct run_worker *worker, enum berth_proto proto, uint16_t port,
                         char **ret_who);

#endif
