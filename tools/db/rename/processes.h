/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_PROCESSES_H
#define BERTH_DB_RENAME_PROCESSES_H
/*
 * The two kinds of agent of the rename mode. What they say is one word, then its argument.
 *
 *	steward, one per run		worker's agent, one per worker
 *	says	reaped N		says	ready MS
 *		cached | setup | none		error TEXT
 *		error TEXT			unreachable TEXT	(in place of ready)
 *						refused TEXT	(a reset, a snapshot)
 *						committed
 *						kept DATABASE
 *						left		(the server is gone: the next run drops it)
 *						and what record_line.h has
 *	hears	done			hears	reset [SNAPSHOT] | snapshot NAME | commit | keep | drop | watch
 *
 * A steward holds the template's lock from `setup` to `done`. A worker's agent creates the databases, is the relay, holds the
 * lease, and drops the databases when told to or when nobody is there any more to tell it.
 */
#include "tools/db/mode/mode.h"

enum { RENAME_TEMPLATE_NAME = 64 };

struct rename_plan {
	struct db *db;
	struct db_worker *worker; /* NULL for the steward */
	const char *suffix;
	/* NULL = no template: clone the logical database if there is one */
	const char *template_hash;
	const char *snapshot; /* instead of both */
	const char *socket_dir;
};

void rename_prepare_main(void *plan, int line);
void relay_process_main(void *plan, int line);

/** An agent's process gives up what it does not need: from here on it hears what servers and clients say. */
void rename_confine(const struct db *db);

/* berth_tpl_HASH_INDEX: its name does not begin like anybody's database */
void rename_template_name(char name[RENAME_TEMPLATE_NAME], const char *hash, unsigned int url);

#endif
