/* SPDX-License-Identifier: MIT */
/*
 * What is dropped from a shared server without the owner's order: databases of dead runs, and
 * templates that are too many or too old. Blocking: in the coprocess that prepares the server
 * (prepare.c).
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/rename/admin_session.h"
#include "tools/db/template/cache.h"

enum { TEMPLATE_DAYS = 14, KEPT_DAYS = 7, STALE_S = 7200 };

/*
 * The owner of a lease is dead if its lock is free. It is dead, too, if its last heartbeat is two
 * hours old, even if the server still holds a session whose other end is gone. A database that was
 * kept on purpose stays for KEPT_DAYS.
 */
static bool reap_one(struct admin *admin, const char *database, const char *comment)
{
	json_t *owner = json_loads(comment, 0, NULL);
	const char *suffix = json_string_value(json_object_get(owner, "suffix"));
	time_t age = time(NULL) - (time_t)json_integer_value(json_object_get(owner, "heartbeat"));
	bool kept = json_is_true(json_object_get(owner, "kept"));
	bool dropped = false;
	bool is_lease = suffix && admin_is_suffix(suffix) && str_ends(database, suffix);
	bool locked = is_lease && admin_lock(admin, suffix);

	if (is_lease && (kept ? age > KEPT_DAYS * 86400 : locked || age > STALE_S))
		dropped = !admin_drop_suffix(admin, suffix, false);
	if (locked)
		admin_unlock(admin, suffix);
	json_decref(owner);
	return dropped;
}

/* A creator died before it had written the comment. */
static bool reap_unfinished(struct admin *admin, const char *database)
{
	const char *suffix = database + strlen(ADMIN_UNFINISHED);
	bool dropped;

	if (!admin_is_suffix(suffix) || !admin_lock(admin, suffix))
		return false;
	dropped = !admin_drop(admin, database, false, false);
	admin_unlock(admin, suffix);
	return dropped;
}

unsigned int admin_reap(struct admin *admin)
{
	/* this includes databases that were sealed and not renamed: they still have the suffix */
	cleanup_result PGresult *leases = admin_ask(
		admin, 2,
		"SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database "
		"WHERE shobj_description(oid, 'pg_database') LIKE '{\"berth\"%'",
		NULL);
	cleanup_result PGresult *unfinished = admin_ask(
		admin, 1,
		"SELECT datname FROM pg_database WHERE left(datname, 10) = '" ADMIN_UNFINISHED "_' "
		"AND shobj_description(oid, 'pg_database') IS NULL",
		NULL);
	unsigned int count = 0;

	for (int row = 0; row < libpq.PQntuples(leases); row++)
		count += reap_one(admin, libpq.PQgetvalue(leases, row, 0),
		                  libpq.PQgetvalue(leases, row, 1));
	for (int row = 0; row < libpq.PQntuples(unfinished); row++)
		count += reap_unfinished(admin, libpq.PQgetvalue(unfinished, row, 0));
	return count;
}

/* The lock of a template's users is not that of its name, which the maker holds. */
static long long use_key(const char *name)
{
	cleanup_free char *use = str_print("use %s", name);

	return admin_lock_key(use);
}

void admin_use_template(struct admin *admin, const char *name)
{
	cleanup_result PGresult *old = admin_ask(
		admin, 1,
		"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1",
		name);
	json_t *comment = libpq.PQntuples(old) == 1
	                          ? json_loads(libpq.PQgetvalue(old, 0, 0), 0, NULL)
	                          : NULL;

	(void)admin_is_true(admin, "SELECT pg_try_advisory_lock_shared(%lld)", use_key(name));
	if (!json_is_object(comment)) {
		json_decref(comment);
		return;
	}
	json_object_set_new(comment, "used", json_integer((json_int_t)time(NULL)));
	(void)admin_write_comment(admin, name, comment);
}

static bool drop_unused(struct admin *admin, const char *name)
{
	bool dropped;

	if (!admin_is_true(admin, "SELECT pg_try_advisory_lock(%lld)", use_key(name)))
		return false;
	dropped = !admin_drop(admin, name, true, false);
	(void)admin_is_true(admin, "SELECT pg_advisory_unlock(%lld)", use_key(name));
	return dropped;
}

unsigned int admin_collect(struct admin *admin, uint64_t quota_bytes)
{
	/* the most recently used first: those after the quota is used up are dropped */
	cleanup_result PGresult *list = admin_ask(
		admin, 3,
		"SELECT datname, pg_database_size(oid), extract(epoch FROM now())::bigint - "
		"CASE WHEN c->>'once' = 'true' AND extract(epoch FROM now()) > "
		"(c->>'made')::bigint + 60 THEN 0 "
		"ELSE coalesce((c->>'used')::bigint, (c->>'made')::bigint, 0) END FROM (SELECT "
		"oid, datname, shobj_description(oid, "
		"'pg_database')::json AS c "
		"FROM pg_database WHERE datistemplate AND datname LIKE 'berth\\_tpl\\_%' AND "
		"pg_has_role(datdba, 'USAGE') "
		"AND shobj_description(oid, 'pg_database') LIKE '{\"berth\"%') t ORDER BY 3, 1",
		NULL);
	unsigned int count = 0;
	uint64_t sum = 0;

	for (int row = 0; row < libpq.PQntuples(list); row++) {
		int64_t age_s = strtoll(libpq.PQgetvalue(list, row, 2), NULL, 10);

		sum += strtoull(libpq.PQgetvalue(list, row, 1), NULL, 10);
		if (age_s > TEMPLATE_DAYS * 86400 ||
		    (sum > quota_bytes && age_s > TEMPLATE_FRESH_S))
			count += drop_unused(admin, libpq.PQgetvalue(list, row, 0));
	}
	return count;
}
