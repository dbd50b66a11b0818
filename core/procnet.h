/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_PROCNET_H
#define BERTH_CORE_PROCNET_H
/*
 * The kernel's tables of sockets, /proc/net/{tcp,tcp6,udp,udp6}, as a worker may see them: lsof, fuser, netstat, kill-port
 * and their like read them to find out who has port 3101.
 *
 * A line is shown if the worker's own socket calls could reach that socket, under the port by which they would:
 *
 *	a socket on one of the worker's real ports		under its virtual port
 *	the host's socket on a port that the worker has mapped	not: whoever says that number means the worker's
 *	a socket on another real port of Berth's range		not: it is a neighbour's
 *	with BERTH_MAP_STRICT, the host's listeners		not: a connect would be refused
 *	all others						as they are
 */
#include "core/portmap.h"

enum berth_procnet {
	BERTH_PROCNET_SHOW,
	BERTH_PROCNET_HIDE,
	/* hidden: a server on a real port of the block, for which the map has no virtual port (yet) */
	BERTH_PROCNET_EARLY,
};

/**
 * Judge one line, and put virtual ports into it.
 * @line	@len writable bytes, without the newline; what is not a line of such a table is shown as it is
 */
enum berth_procnet berth_procnet_line(const struct berth_portmap *map, enum berth_proto proto,
                                      char *line, size_t len);

#endif
