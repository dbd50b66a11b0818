/* SPDX-License-Identifier: MIT */
/*
 * Reads database URLs. It is strict where an error would lead a suite to the wrong server: scheme,
 * port, percent signs. It ignores unknown parameters, which are for the client.
 */
#include "tools/db/common/url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/base/cleanup.h"
#include "tools/db/common/dotenv.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

const char *const db_kind_names[DB_KINDS + 1] = {
#define DATABASE_KIND(id, name, ...) [DB_KIND_##id] = #name,
#include "core/databases.def"
};

const char *const db_mode_names[DB_MODES + 1] = {
#define DATABASE_MODE(id, name) [DB_##id] = #name,
#include "core/databases.def"
};

const char *const db_role_names[DB_ROLES + 1] = {
#define DATABASE_ROLE(id, name) [DB_ROLE_##id] = #name,
#include "core/databases.def"
};

const struct db_url_scheme db_url_schemes[] = {
#define DATABASE_SCHEME(text, kind) { text, DB_KIND_##kind },
#include "core/databases.def"
	{ NULL, DB_KINDS },
};

/* Defaults for the parts that a URL lacks. */
static const struct usual {
	uint16_t port;
	const char *role, *name; /* name: NULL = as the role */
	const char *example;
} usuals[DB_KINDS] = {
#define DATABASE_KIND(id, kind, port, role, database, example) \
	[DB_KIND_##id] = { port, role, database, example },
#include "core/databases.def"
};

uint16_t db_url_usual_port(enum db_kind kind)
{
	return usuals[kind].port;
}

const char *db_url_example(uint16_t port)
{
	for (unsigned int i = 0; i < DB_KINDS; i++)
		if (usuals[i].port == port)
			return usuals[i].example;
	return NULL;
}

void db_url_free(struct db_url *url)
{
	if (url->password)
		explicit_bzero(url->password, strlen(url->password));
	free(url->role);
	free(url->password);
	free(url->host);
	free(url->server_host);
	free(url->name);
	*url = (struct db_url){ 0 };
}

static int hex(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	digit = (char)(digit | 32);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/*
 * Percent-decode @len bytes; NULL if a percent sign is not followed by two hex digits, or hides a
 * NUL.
 */
static char *decode(const char *text, size_t len)
{
	char *out = mem_alloc(len + 1), *to = out;

	for (size_t i = 0; i < len; i++) {
		int byte = (unsigned char)text[i];

		if (text[i] == '%') {
			int high = i + 2 < len ? hex(text[i + 1]) : -1;
			int low = i + 2 < len ? hex(text[i + 2]) : -1;

			byte = high < 0 || low < 0 ? 0 : high << 4 | low;
			if (!byte) {
				free(out);
				return NULL;
			}
			i += 2;
		}
		*to++ = (char)byte;
	}
	return out;
}

static int set(char **field, const char *text, size_t len)
{
	if (!len)
		return 0;
	free(*field);
	*field = decode(text, len);
	return *field ? 0 : -EINVAL;
}

static int set_user(struct db_url *url, const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	size_t role = colon ? (size_t)(colon - text) : len;
	int ret = set(&url->role, text, role);

	return ret || !colon ? ret : set(&url->password, colon + 1, len - role - 1);
}

static int set_port(struct db_url *url, const char *text, size_t len)
{
	cleanup_free char *digits = str_copy_len(text, len);
	long port;

	if (!len)
		return 0;
	if (str_number(digits, 1, 65535, &port))
		return -EINVAL;
	url->port = (uint16_t)port;
	return 0;
}

static int set_host(struct db_url *url, const char *text, size_t len)
{
	const char *close = *text == '[' ? memchr(text, ']', len) : NULL;
	const char *colon = close ? close + 1 : memchr(text, ':', len);
	size_t host = colon ? (size_t)(colon - text) : len;
	int ret = close ? set(&url->host, text + 1, host - 2) : set(&url->host, text, host);

	if (ret || host == len || !colon)
		return ret;
	return *colon == ':' ? set_port(url, colon + 1, len - host - 1) : -EINVAL;
}

static int set_server(struct db_url *url, const char *text, size_t len)
{
	struct db_url there = { .port = usuals[url->kind].port };
	int ret = len ? set_host(&there, text, len) : -EINVAL;

	free(url->server_host);
	url->server_host = steal(&there.host);
	url->server_port = there.port;
	return ret;
}

static int set_parameter(struct db_url *url, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	size_t key = equals ? (size_t)(equals - text) : len;
	const char *value = text + key + 1;
	size_t value_len = equals ? len - key - 1 : 0;

	if (key == 4 && !memcmp(text, "host", 4))
		return set(&url->host, value, value_len);
	if (key == 4 && !memcmp(text, "port", 4))
		return set_port(url, value, value_len);
	if (key == 4 && !memcmp(text, "user", 4))
		return set(&url->role, value, value_len);
	if (key == 6 && !memcmp(text, "server", 6))
		return set_server(url, value, value_len);
	if (key == 8 && !memcmp(text, "password", 8))
		return set(&url->password, value, value_len);
	if (key == 6 && !memcmp(text, "dbname", 6))
		return set(&url->name, value, value_len);
	if (key == 7 && !memcmp(text, "sslmode", 7))
		url->tls = (value_len == 7 && !memcmp(value, "require", 7)) ||
		           (value_len > 6 && !memcmp(value, "verify", 6));
	return 0;
}

static int parse_url(const char *at, struct db_url *url)
{
	size_t authority = strcspn(at, "/?");
	const char *user = memrchr(at, '@', authority);
	const char *host = user ? user + 1 : at;
	const char *path = at + authority, *query = path + strcspn(path, "?");
	int ret = user ? set_user(url, at, (size_t)(user - at)) : 0;

	ret = ret ? ret : set_host(url, host, (size_t)(path - host));
	if (!ret && *path == '/')
		ret = set(&url->name, path + 1, (size_t)(query - path) - 1);
	while (!ret && *query) {
		size_t len = strcspn(++query, "&");

		ret = set_parameter(url, query, len);
		query += len;
	}
	return ret;
}

/* Return: the scheme of @url; the last entry, which has no text, if it is none of them. */
static const struct db_url_scheme *scheme_of(const char *url)
{
	const struct db_url_scheme *scheme = db_url_schemes;

	while (scheme->text && strncasecmp(url, scheme->text, strlen(scheme->text)) != 0)
		scheme++;
	return scheme;
}

int db_url_kind(const char *url, enum db_kind *ret_kind)
{
	const struct db_url_scheme *scheme = scheme_of(url);

	if (!scheme->text)
		return -EINVAL;
	*ret_kind = scheme->kind;
	return 0;
}

static int parse_any(const char *text, struct db_url *url)
{
	const struct db_url_scheme *scheme = scheme_of(text);

	return scheme->kind == url->kind ? parse_url(text + strlen(scheme->text), url) : -EINVAL;
}

static int parse_name(const char *name, const char *default_url, struct db_url *url)
{
	enum db_kind kind = url->kind;

	if (!*name || strlen(name) > 63)
		return -EINVAL;
	if (default_url && parse_any(default_url, url)) { /* a URL of another kind */
		db_url_free(url);
		*url = (struct db_url){ .kind = kind, .port = usuals[kind].port };
	}
	free(url->name);
	url->name = str_copy(name);
	if (!url->role && kind == DB_KIND_POSTGRES)
		url->role = str_copy(name);
	return 0;
}

int db_url_parse_kind(enum db_kind kind, const char *text, const char *default_url,
                      struct db_url *ret_url)
{
	const struct usual *usual = &usuals[kind];
	struct db_url url = { .kind = kind, .port = usual->port };
	int ret = 0;

	if (text)
		ret = strstr(text, "://") ? parse_any(text, &url)
		                          : parse_name(text, default_url, &url);
	if (!url.role)
		url.role = str_copy(usual->role);
	if (!url.name)
		url.name = str_copy(usual->name ? usual->name : url.role);
	if (!url.host)
		url.host = str_copy("localhost");
	if (!ret && (strlen(url.name) > 63 || strlen(url.role) > 63))
		ret = -EINVAL;
	if (ret)
		db_url_free(&url);
	else
		*ret_url = url;
	return ret;
}

int db_url_parse(const char *text, const char *default_url, struct db_url *ret_url)
{
	return db_url_parse_kind(DB_KIND_POSTGRES, text, default_url, ret_url);
}

const char *db_url_server(const struct db_url *url, uint16_t *ret_port)
{
	*ret_port = url->server_host ? url->server_port : url->port;
	return url->server_host ? url->server_host : url->host;
}

char *db_url_where(const struct db_url *url)
{
	uint16_t port;
	const char *host = db_url_server(url, &port);

	return str_print("%s@%s:%u", url->role, host, port);
}

const char *db_url_sslmode(const struct db_url *url)
{
	return url->server_host && url->tls ? "require" : "prefer";
}

bool db_url_local(const struct db_url *url)
{
	return *url->host == '/' || *url->host == '@' || !strcasecmp(url->host, "localhost") ||
	       str_starts(url->host, "127.") || !strcmp(url->host, "::1") ||
	       !strcmp(url->host, "0.0.0.0");
}

char *db_url_default(const char *project_dir)
{
	const char *env = getenv("DATABASE_URL");
	cleanup_free char *path = str_print("%s/.env", project_dir);
	cleanup_free char *text = NULL;

	if (env && *env)
		return str_copy(env);
	if (file_is_planted(path) || file_read(path, &text, NULL))
		return NULL;
	return dotenv_get(text, "DATABASE_URL");
}
