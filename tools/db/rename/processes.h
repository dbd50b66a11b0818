/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_PROCESSES_H
#define BERTH_DB_RENAME_PROCESSES_H
/*
 * The coprocesses of rename mode: one that prepares the server, for the run, and one relay process
 * for each worker. A line between them and the supervisor is one word and its argument.
 *
 * prepare.c, one process for each run:
 *	says	reaped N, busy TEXT, then one of
 *		cached | setup | none
 *		error TEXT
 *	hears	done
 *
 * relay_process.c, one process for each worker:
 *	says	ready MS
 *		error TEXT
 *		unreachable TEXT	instead of ready
 *		refused TEXT		of a reset or a snapshot
 *		committed
 *		kept DATABASE
 *		leftover		the server is gone; the next run drops the databases
 *		and the lines of record_line.h
 *	hears	reset [SNAPSHOT] | snapshot NAME | commit | keep | drop | watch
 *
 * The preparing process holds the template's lock from `setup` to `done`. A relay process creates
 * the worker's databases, is its relay, and holds the lease. It drops the databases when it hears
 * so, or when the supervisor is gone.
 */
#include "tools/db/mode/mode.h"

enum { RENAME_TEMPLATE_NAME = 64 };

struct rename_plan {
	struct db *db;
	struct db_worker *worker; /* NULL for the preparing process */
	const char *suffix;       /* of the names of the worker's databases: _TASK_RANDOM */
	const char
		*template_hash; /* NULL = no template: copy the logical database if there is one */
	bool once;              /* that template is for this run only */
	const char *snapshot;   /* to copy instead of both; NULL = none */
	const char *socket_dir;
};

void rename_prepare_main(void *plan, int line);
void relay_process_main(void *plan, int line);

/**
 * Give up the privileges that a coprocess does not need, before it reads what servers and clients
 * send.
 */
void rename_confine(const struct db *db);

/** The template of URL number @url: berth_tpl_HASH_URL. No suite's database begins like that. */
void rename_template_name(char name[RENAME_TEMPLATE_NAME], const char *hash, unsigned int url);

#endif
