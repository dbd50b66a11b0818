/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_PROCNET_H
#define BERTH_CORE_PROCNET_H
/*
 * The kernel's tables of sockets, /proc/net/{tcp,tcp6,udp,udp6}, as a worker may see them. lsof,
 * fuser, netstat, kill-port and others read them to find out who has port 3101.
 *
 * A line is shown if the worker's own calls could reach that socket, under the port that they would
 * name:
 *
 *	socket							shown
 *	on one of the worker's real ports			under its virtual port
 *	the host's, on a port that the worker has mapped	no: that number means the worker's
 *	on another real port of Berth's range			no: it is a neighbour's
 *	the host's listener, with BERTH_MAP_STRICT		no: a connect would be refused
 *	any other						as it is
 */
#include "core/portmap.h"

enum berth_procnet {
	BERTH_PROCNET_SHOW,
	BERTH_PROCNET_HIDE,
	/*
	 * hidden: a server on a real port of the block, for which the map has no virtual port (yet)
	 */
	BERTH_PROCNET_EARLY,
};

/**
 * Decide about one line, and put virtual ports into it.
 * @line	@len writable bytes, without the newline; any other text is shown as it is
 */
enum berth_procnet berth_procnet_line(const struct berth_portmap *map, enum berth_proto proto,
                                      char *line, size_t len);

#endif
