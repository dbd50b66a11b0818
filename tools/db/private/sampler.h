/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PRIVATE_SAMPLER_H
#define BERTH_DB_PRIVATE_SAMPLER_H
/*
 * What the sessions in private PostgreSQL servers do, looked at once a second. One agent for all workers of a run; the first look
 * is a second after a server has come up, so runs that are shorter pay nothing. What is shorter than a second is mostly not seen,
 * and times are lower bounds.
 *
 *	hears	watch WORKER INDEX REAL_PORT DATA
 *					the server of port number INDEX is up, perhaps anew; it began as a copy of DATA
 *		forget WORKER			its last process is gone, its servers are still up
 *	says	WORKER INDEX SIGHTING		see record_line.h
 *		WORKER forgotten		nothing more is said of it
 */
#include "tools/db/mode/mode.h"

struct sampler_plan {
	struct db *db;
	const char *socket_dir;
};

void sampler_main(void *plan, int line); /* an agent's */

#endif
