/* SPDX-License-Identifier: MIT */
/*
 * Reads the entries of the configuration: which servers a worker needs, and which databases are on
 * them.
 */
#include "tools/db/entries.h"

#include <errno.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

static int add_settings(struct db_server_spec *spec, char *const *settings)
{
	for (; settings && *settings; settings++) {
		if (spec->engine->of_project || strcspn(*settings, "=") == 0 ||
		    !strchr(*settings, '=') || strpbrk(*settings, "\r\n"))
			return -EBADMSG;
		strv_add(&spec->settings, *settings);
	}
	return 0;
}

/*
 * Return: 0; -EEXIST a different server has this port; -E2BIG; -EBADMSG one of the settings is not
 * NAME=VALUE.
 */
static int add_spec(struct db *db, uint16_t port, const struct db_entry *entry)
{
	const struct db_engine *engine = db_engines[entry->kind];

	for (unsigned int i = 0; i < db->port_count; i++) {
		if (db->ports[i] == port && (db->specs[i].engine != engine || engine->of_project))
			return -EEXIST;
		if (db->ports[i] == port)
			return add_settings(&db->specs[i], entry->settings);
	}
	if (db->port_count == DB_PORTS_MAX)
		return -E2BIG;
	db->specs[db->port_count] = (struct db_server_spec){
		port, engine, .start = entry->start ? str_copy(entry->start) : NULL,
		.ready = entry->ready ? str_copy(entry->ready) : NULL,
		.stop = entry->stop ? str_copy(entry->stop) : NULL
	};
	db->ports[db->port_count] = port;
	return add_settings(&db->specs[db->port_count++], entry->settings);
}

static char *refusal_of(const struct db_url *url, size_t number, int error)
{
	const char *kind = db_engines[url->kind]->name;

	if (error == -EEXIST)
		return str_print("two different servers need port %u", url->port);
	if (error == -E2BIG)
		return str_print("more than %d database ports", DB_PORTS_MAX);
	if (error == -EBADMSG)
		return str_print("the settings of database number %zu: each is NAME=VALUE, and a "
		                 "command has none",
		                 number);
	if (error == -ENOTSUP)
		return str_print(
			"host '%s' is not this machine, and only local addresses are remapped\n"
			"hint: keep localhost for the suite, and tell Berth where the server is: "
			"postgresql://ROLE:PASSWORD@localhost:%u/%s?server=%s:%u",
			url->host, url->port, url->name, url->host, url->port);
	if (error == -EDESTADDRREQ)
		return str_print("'server' in the URL of database '%s' needs a local host before "
		                 "it, and --db-mode rename or auto",
		                 url->name);
	if (error == -ENODATA)
		return str_print("database number %zu, of kind %s, needs a port%s", number, kind,
		                 url->kind == DB_KIND_COMMAND ? " and a start command" : "");
	return str_print("database number %zu is neither a name nor a URL of kind %s", number,
	                 kind);
}

static int read_one(struct db *db, const struct db_entry *entry, const char *default_url,
                    char **ret_reason)
{
	struct db_url *url = &db->urls[db->url_count];
	int ret = db_url_parse_kind(entry->kind, entry->text, default_url, url);

	if (ret) {
		*url = (struct db_url){ .kind = entry->kind };
	} else {
		db->url_count++;
		url->port = entry->port ? entry->port : url->port;
		url->superuser = entry->superuser;
		if (!db_url_local(url) ||
		    (url->server_host && (db->mode == DB_PRIVATE || db->mode == DB_IMPORT)))
			ret = url->server_host ? -EDESTADDRREQ : -ENOTSUP;
		else if (!url->port || (entry->kind == DB_KIND_COMMAND && !entry->start))
			ret = -ENODATA;
		else
			ret = add_spec(db, url->port, entry);
	}
	if (ret)
		*ret_reason = refusal_of(url, db->url_count + (ret == -EINVAL), ret);
	return ret;
}

int entries_read(struct db *db, const struct db_entry *entries, unsigned int count,
                 char **ret_reason)
{
	cleanup_free char *default_url = db_url_default(db->config.project_dir);
	int ret = 0;

	db->urls = mem_alloc((count + 1) * sizeof(*db->urls));
	for (unsigned int i = 0; i < count && !ret; i++)
		ret = read_one(db, &entries[i], default_url, ret_reason);
	if (default_url)
		explicit_bzero(default_url, strlen(default_url));
	return ret;
}
