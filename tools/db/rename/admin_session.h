/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_ADMIN_SESSION_H
#define BERTH_DB_RENAME_ADMIN_SESSION_H
/* What the admin_*.c files share: the session, and statements on it. */
#include <jansson.h>

#include "tools/db/common/libpq.h"
#include "tools/db/rename/admin.h"

/* The name of a database without a comment; a suffix follows. */
#define ADMIN_UNFINISHED "berth_new"

struct admin {
	PGconn *conn;
	const struct db_url *url;
	int line; /* to the parent; -1 = none */
};

static inline void admin_clear_result(PGresult **result)
{
	libpq.PQclear(*result);
}
#define cleanup_result __attribute__((cleanup(admin_clear_result)))

/** Connect to @database as for the session, without retries. Return: as libpq_connect(). */
PGconn *admin_connect(const struct db_url *url, const char *database);

/** As libpq_ask(). */
PGresult *admin_ask(struct admin *admin, int columns, const char *sql, const char *value);

/** @ret_why	may be NULL. Return: 0; -EBUSY the database is in use; -EPERM; -EIO. */
int admin_error(const PGresult *result, char **ret_why);

/** Run a statement, again after a transient error if @retry. Return: of admin_error(). */
int admin_run(struct admin *admin, bool retry, char **ret_why, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** Return: the statement has one row, and that is true. */
bool admin_is_true(struct admin *admin, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** @name in quotes; the caller's to free. */
char *admin_identifier(struct admin *admin, const char *name);

/** Make @object the comment on @database; drops the reference to it. */
int admin_write_comment(struct admin *admin, const char *database, json_t *object);

/** The number of the advisory lock with this name. Machines agree on it, so it must not change. */
long long admin_lock_key(const char *name);

/** Wait for about @ms. Return: false if the parent has closed the line: it waits no longer. */
bool admin_pause(const struct admin *admin, int ms);

#endif
