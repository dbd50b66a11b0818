/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PRIVATE_SAMPLER_H
#define BERTH_DB_PRIVATE_SAMPLER_H
/*
 * The sampler: one coprocess for all workers of a run, which looks once a second at the sessions of
 * private PostgreSQL servers. The first look is one second after a server is up, so shorter runs
 * pay nothing. It misses most of what is shorter than a second, and its times are lower bounds.
 *
 *	hears	watch WORKER INDEX REAL_PORT DATA
 *					the server of port number INDEX is up, a copy of DATA
 *		forget WORKER		its last process is gone, its servers are still up
 *	says	WORKER INDEX LINE	record_line.h
 *		WORKER forgotten	no more lines about it follow
 */
#include "tools/db/mode/mode.h"

struct sampler_plan {
	struct db *db;
	const char *socket_dir;
};

void sampler_main(void *plan, int line); /* of the coprocess */

#endif
