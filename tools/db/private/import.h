/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PRIVATE_IMPORT_H
#define BERTH_DB_PRIVATE_IMPORT_H
/*
 * Import: the roles and databases of the user's server, for a template of private servers. The
 * user's server is only read, with the roles of the URLs.
 *
 *	import_look()		before the mode is opened: can it be imported, and what has it now?
 *	import_dump()		(import_dump.c) in a job, as ourselves: start to read the contents
 *	postgres_restore()	(engine.h) in the same job, as the servers' user
 */
#include "tools/db/mode/mode.h"

struct db_import {
	char *identity;                /* of the servers, and who reads */
	char *stamp;                   /* changes with whatever the servers have */
	unsigned int major;            /* version */
	char *where;                   /* the servers, for people */
	int64_t size_bytes;            /* of the databases */
	bool read[DB_PORTS_MAX];       /* by index in db.ports: a server answers there */
	char **settings[DB_PORTS_MAX]; /* strv of NAME=VALUE: of the server */
	struct engine_import engines[DB_PORTS_MAX]; /* by index in db.ports */
	struct engine_import_database *databases;   /* by index in db.urls */
};

/**
 * Blocking, for some milliseconds: fill @db->import, and add settings to @db->specs.
 * Return: 0; -EFBIG the databases are too large; -ECONNREFUSED a server does not let the role in;
 * -errno; and *ret_why says what forbids the import: for people, the caller's to free.
 */
int import_look(struct db *db, char **ret_why);

/**
 * Start a pg_dump for each database whose contents are imported. They are children of the caller,
 * and wait for a reader.
 */
int import_dump(const struct db *db, const struct db_programs *programs);

void import_free(struct db *db);

#endif
