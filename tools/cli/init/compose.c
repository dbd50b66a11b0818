/* SPDX-License-Identifier: MIT */
/*
 * Services of a compose file: the ports that they publish, and the databases that their images
 * make. The file is read as YAML, so block and flow style are the same. Passwords are not kept.
 */
#include "tools/cli/init/look.h"

#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/db/common/dotenv.h"
#include "tools/base/str.h"
#include "tools/cli/settings/reader.h"

enum { RANGE_MAX = 100 };

struct compose {
	struct scan *scan;
	yaml_document_t document;
	const char *env; /* text of .env */
	struct place place;
};

/* Images and their servers. @name, @user: the variables by which the image makes a database. */
static const struct image {
	const char *part, *scheme, *port, *name, *user;
} images[] = {
	{ "postgres", "postgresql", "5432", "POSTGRES_DB", "POSTGRES_USER" },
	{ "postgis", "postgresql", "5432", "POSTGRES_DB", "POSTGRES_USER" },
	{ "timescale", "postgresql", "5432", "POSTGRES_DB", "POSTGRES_USER" },
	{ "pgvector", "postgresql", "5432", "POSTGRES_DB", "POSTGRES_USER" },
	{ "mariadb", "mysql", "3306", "MARIADB_DATABASE", "MARIADB_USER" },
	{ "mariadb", "mysql", "3306", "MYSQL_DATABASE", "MYSQL_USER" },
	{ "mysql", "mysql", "3306", "MYSQL_DATABASE", "MYSQL_USER" },
	{ "redis", "redis", "6379", NULL, NULL },
	{ "valkey", "redis", "6379", NULL, NULL },
};

static const char *text_of(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

static yaml_node_t *value_of(struct compose *compose, const yaml_node_t *mapping, const char *name)
{
	if (!mapping || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++)
		if (!strcmp(text_of(yaml_document_get_node(&compose->document, pair->key)), name))
			return yaml_document_get_node(&compose->document, pair->value);
	return NULL;
}

/* A variable of a service: `environment` is a mapping, or a list of NAME=VALUE. */
static char *variable(struct compose *compose, const yaml_node_t *service, const char *name)
{
	const yaml_node_t *environment = value_of(compose, service, "environment");
	const char *text = name ? text_of(value_of(compose, environment, name)) : "";
	size_t len = name ? strlen(name) : 0;

	if (name && environment && environment->type == YAML_SEQUENCE_NODE)
		for (const yaml_node_item_t *item = environment->data.sequence.items.start;
		     item < environment->data.sequence.items.top; item++) {
			const char *one = text_of(
				yaml_document_get_node(&compose->document, *item));

			if (!strncmp(one, name, len) && one[len] == '=')
				text = one + len + 1;
		}
	return dotenv_expand(compose->env, text);
}

/* "127.0.0.1:8025:25/tcp" -> published "8025", target "25"; a mapping has both as keys. */
static bool port_of(struct compose *compose, const yaml_node_t *item, char **ret_published,
                    char **ret_target)
{
	cleanup_free char *text = dotenv_expand(compose->env, text_of(item));
	const yaml_node_t *published = value_of(compose, item, "published");
	char *target, *host;

	if (published) {
		*ret_published = dotenv_expand(compose->env, text_of(published));
		*ret_target = str_copy(text_of(value_of(compose, item, "target")));
		return true;
	}
	text[strcspn(text, "/")] = 0;
	target = strrchr(text, ':');
	if (!target)
		return false; /* at a port that nobody knows before */
	*target++ = 0;
	host = strrchr(text, ':');
	*ret_published = str_copy(host ? host + 1 : text);
	*ret_target = str_copy(target);
	return true;
}

static void add_published(struct compose *compose, const char *text, bool built, struct place place)
{
	const char *dash = strchr(text, '-');
	cleanup_free char *first_text = str_copy_len(text, strcspn(text, "-"));
	long first, last;

	if (str_number(first_text, 1, 65535, &first) ||
	    str_number(dash ? dash + 1 : text, first, 65535, &last))
		return;
	for (long port = first; port <= last && port < first + RANGE_MAX; port++) {
		cleanup_free char *digits = str_print("%ld", port);
		struct scan_finding *finding = scan_add_port(compose->scan, SCAN_PUBLISHED, digits,
		                                             strlen(digits), place);

		if (finding)
			finding->built |= built;
	}
}

/* Return: the port was that of a database, which is added. */
static bool add_database(struct compose *compose, const yaml_node_t *service, const char *published,
                         const char *target, struct place place)
{
	const char *name_of_image = text_of(value_of(compose, service, "image"));
	bool added = false;

	for (size_t i = 0; i < ARRAY_LEN(images) && !added; i++) {
		const struct image *image = &images[i];
		cleanup_free char *name = variable(compose, service, image->name),
				  *user = variable(compose, service, image->user);
		const struct look_database database = { .scheme = image->scheme,
			                                .port = published,
			                                .name = name,
			                                .user = *user ? user : NULL };

		if (!strstr(name_of_image, image->part) || strcmp(target, image->port) ||
		    (image->name && !*name))
			continue;
		scan_add_database(compose->scan, &database, place);
		added = true;
	}
	return added;
}

static void look_service(struct compose *compose, const yaml_node_t *service)
{
	const yaml_node_t *ports = value_of(compose, service, "ports");
	bool built = value_of(compose, service, "build");

	if (!ports || ports->type != YAML_SEQUENCE_NODE)
		return;
	for (const yaml_node_item_t *at = ports->data.sequence.items.start;
	     at < ports->data.sequence.items.top; at++) {
		const yaml_node_t *item = yaml_document_get_node(&compose->document, *at);
		cleanup_free char *published = NULL, *target = NULL;
		struct place place = compose->place;

		place.line = (unsigned int)item->start_mark.line + 1;
		if (port_of(compose, item, &published, &target) &&
		    !add_database(compose, service, published, target, place))
			add_published(compose, published, built, place);
	}
}

void look_compose(struct scan *scan, const char *text, const char *env, struct place place)
{
	struct compose compose = { .scan = scan, .env = env, .place = place };
	cleanup_strv char **errors = NULL;
	struct reader reader = { .document = &compose.document,
		                 .shown = place.file,
		                 .errors = &errors };
	const yaml_node_t *services = NULL;

	if (!reader_load(&reader, text, strlen(text)))
		services = value_of(&compose, yaml_document_get_root_node(&compose.document),
		                    "services");
	if (services && services->type == YAML_MAPPING_NODE)
		for (const yaml_node_pair_t *pair = services->data.mapping.pairs.start;
		     pair < services->data.mapping.pairs.top; pair++)
			look_service(&compose,
			             yaml_document_get_node(&compose.document, pair->value));
	yaml_document_delete(&compose.document);
}
