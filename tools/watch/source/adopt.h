/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_ADOPT_H
#define BERTH_WATCH_ADOPT_H
/* Watching a process that runs already, with the sockets that it has open. */
#include "tools/watch/source/monitor.h"

/**
 * Make @pid, and all that it forks from now on, part of worker @number.
 * @on_event	gets a BERTH_EVENT_ADOPTED for each of its sockets; a socket that cannot be
 *		duplicated is left out
 * Return: 0; -errno.
 */
int adopt_process(struct monitor *monitor, unsigned int number, pid_t pid,
                  void (*on_event)(void *arg, const struct berth_event *event), void *arg);

#endif
