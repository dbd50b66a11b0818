/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CORE_DATABASES_H
#define BERTH_CORE_DATABASES_H
/*
 * The kinds of databases, the modes in which a worker gets one, and the rights of its roles, from
 * the table in core/databases.def.
 */

enum db_kind {
#define DATABASE_KIND(id, ...) DB_KIND_##id,
#include "core/databases.def"
	DB_KINDS
};

enum db_mode {
#define DATABASE_MODE(id, ...) DB_##id,
#include "core/databases.def"
	DB_MODES
};

/* What the roles of the URLs may do on a private server of PostgreSQL. */
enum db_role {
#define DATABASE_ROLE(id, ...) DB_ROLE_##id,
#include "core/databases.def"
	DB_ROLES
};

/* A field without a value is zero: a PostgreSQL database, in the mode that Berth finds best. */
_Static_assert(DB_KIND_POSTGRES == 0 && DB_AUTO == 0, "the defaults are the zeros");
_Static_assert(DB_KIND_COMMAND == DB_KINDS - 1, "the kind without a usual port is the last");

#endif
