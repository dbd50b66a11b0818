/* SPDX-License-Identifier: MIT */
/*
 * Finds roles and databases that clients asked a private server for, and that it does not have. A
 * bare name (`--db shop`) does not say which role the suite uses. PostgreSQL tells the client only
 * that its password is wrong; the log has the reason.
 */
#include <stdlib.h>
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

/* What a superuser would have been allowed to do; the line's end, the caller's to free. */
static char *denied_in(const char *log)
{
	static const char *const signs[] = { "permission denied to create extension",
		                             "permission denied to create role",
		                             "permission denied to set parameter",
		                             "must be superuser", "Must be superuser" };

	for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
		const char *at = strstr(log, signs[i]);

		if (at)
			return str_copy_len(at, strcspn(at, "\n"));
	}
	return NULL;
}

/*
 * Return: a URL names it, so that the server had it at first, and the suite has dropped it or used
 * another password.
 */
static bool is_given(const struct db *db, const struct db_refusal *refusal)
{
	for (unsigned int i = 0; i < db->url_count; i++) {
		const struct db_url *url = &db->urls[i];

		if (url->port == refusal->port &&
		    !strcmp(refusal->role ? url->role : url->name, refusal->name))
			return true;
	}
	return false;
}

static bool find_in_log(const struct db *db, const char *path, struct db_refusal *ret_refusal)
{
	cleanup_free char *log = NULL;

	if (file_read(path, &log, NULL))
		return false;
	ret_refusal->name = NULL;
	for (size_t i = 0; !ret_refusal->name && i < ARRAY_LEN(messages); i++) {
		ret_refusal->name = name_in(log, messages[i].before, messages[i].after);
		ret_refusal->role = messages[i].role;
		if (ret_refusal->name && is_given(db, ret_refusal))
			free(steal(&ret_refusal->name));
	}
	ret_refusal->rights = !ret_refusal->name;
	if (ret_refusal->rights)
		ret_refusal->name = denied_in(log);
	return ret_refusal->name;
}

bool db_find_refusal(const struct db *db, struct db_refusal *ret_refusal)
{
	if (db->mode != DB_PRIVATE && db->mode != DB_IMPORT)
		return false;
	for (unsigned int number = 0; number <= db->config.workers; number++)
		for (unsigned int i = 0; i < db->port_count; i++) {
			cleanup_free char *path = db_server_log(db, number, &db->specs[i]);

			ret_refusal->port = db->ports[i];
			ret_refusal->database = db->urls[0].name;
			if (db->specs[i].engine == &db_engine_postgres &&
			    find_in_log(db, path, ret_refusal))
				return true;
		}
	return false;
}
