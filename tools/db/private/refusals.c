/* SPDX-License-Identifier: MIT */
/*
 * Finds roles and databases that clients asked a private server for, and that it does not have. A
 * bare name (`--db shop`) does not say which role the suite uses. PostgreSQL tells the client only
 * that its password is wrong; the log has the reason.
 */
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/db/private/private.h"

static const struct {
	const char *before, *after; /* a name stands between them */
	bool role;
} messages[] = {
	{ "Role \"", "\" does not exist", true },
	{ "role \"", "\" does not exist", true },
	{ "User \"", "\" has no password assigned", true },
	{ "Password does not match for user \"", "\"", true },
	{ "database \"", "\" does not exist", false },
};

/* Return: the name, the caller's to free; NULL if @log has no such message. */
static char *name_in(const char *log, const char *before, const char *after)
{
	for (const char *at = strstr(log, before); at; at = strstr(at, before)) {
		const char *end;

		at += strlen(before);
		end = strpbrk(at, "\"\n");
		if (end && str_starts(end, after))
			return str_print("%.*s", (int)(end - at), at);
	}
	return NULL;
}

static bool find_in_log(const char *path, struct db_refusal *ret_refusal)
{
	cleanup_free char *log = NULL;

	if (file_read(path, &log, NULL))
		return false;
	ret_refusal->name = NULL;
	for (size_t i = 0; !ret_refusal->name && i < ARRAY_LEN(messages); i++) {
		ret_refusal->name = name_in(log, messages[i].before, messages[i].after);
		ret_refusal->role = messages[i].role;
	}
	return ret_refusal->name;
}

bool db_find_refusal(const struct db *db, struct db_refusal *ret_refusal)
{
	if (db->mode != DB_PRIVATE)
		return false;
	for (unsigned int number = 0; number <= db->config.workers; number++)
		for (unsigned int i = 0; i < db->port_count; i++) {
			cleanup_free char *path = db_server_log(db, number, &db->specs[i]);

			ret_refusal->port = db->ports[i];
			ret_refusal->database = db->urls[0].name;
			if (db->specs[i].engine == &db_engine_postgres &&
			    find_in_log(path, ret_refusal))
				return true;
		}
	return false;
}
