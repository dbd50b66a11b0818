/* SPDX-License-Identifier: MIT */
/*
 * `berth init` writes a first berth.yaml from what scan.c found. Every line names its source. A
 * mere suggestion is written as a comment. Passwords are never copied.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/settings/project.h"
#include "tools/cli/init/scan.h"
#include "tools/db/common/url.h"

/* True if @text needs no quotes in YAML. A colon needs them only before a space. */
static bool plain(const char *text)
{
	size_t len = strlen(text);

	return len && !strpbrk(text, "#'\"{}[]&*!|>%@`,\n") && !strstr(text, ": ") &&
	       text[len - 1] != ':' && !strchr("-?: ", text[0]);
}

/* @text as a YAML scalar: plain where that is safe, else in single quotes. */
static void add_yaml(struct str *out, const char *text)
{
	if (plain(text)) {
		str_add(out, text);
		return;
	}
	str_add(out, "'");
	for (; *text; text++)
		str_add(out, *text == '\'' ? "''" : (char[]){ *text, 0 });
	str_add(out, "'");
}

/* True if @port is a database's: then the entry of the database declares it. */
static bool of_database(const struct scan *scan, const char *port)
{
	for (size_t i = 0; i < scan->count; i++)
		if (scan->findings[i].kind == SCAN_DATABASE &&
		    (int)scan->findings[i].port == atoi(port))
			return true;
	return false;
}

/* Declare only ports that the suite itself listens on, not those that a client's settings name. */
static const char *example(const struct scan_finding *finding)
{
	return finding->kind == SCAN_PORT ? db_url_example((uint16_t)atoi(finding->text)) : NULL;
}

static const struct scan_finding *find_port(const struct scan *scan, enum scan_kind kind,
                                            const char *port)
{
	for (size_t i = 0; i < scan->count; i++)
		if (scan->findings[i].kind == kind && !strcmp(scan->findings[i].text, port))
			return &scan->findings[i];
	return NULL;
}

/*
 * True if a container serves @port, and not the suite. A compose file may publish the port of the
 * application itself, which the suite starts, too.
 */
static bool of_container(const struct scan *scan, const char *port)
{
	const struct scan_finding *published = find_port(scan, SCAN_PUBLISHED, port),
				  *named = find_port(scan, SCAN_PORT, port);

	return published && !(named && (named->listens || published->built));
}

static void write_command(const struct scan *scan, struct str *out)
{
	bool first = true;

	for (size_t i = 0; i < scan->count; i++) {
		const struct scan_finding *finding = &scan->findings[i];

		if (finding->kind != SCAN_COMMAND)
			continue;
		if (first)
			str_add(out, "# What `berth run` runs if it is given no command.\n");
		str_add(out, first ? "command: " : "#command: ");
		add_yaml(out, finding->text);
		str_addf(out, "  # %s\n", finding->places);
		first = false;
	}
	if (first)
		str_add(out,
		        "# What `berth run` runs if it is given no command.\n#command: npm test\n");
	str_add(out, "\n");
}

static void write_workers(const struct scan *scan, struct str *out)
{
	cleanup_str struct str tasks = { 0 };
	const char *places = NULL;

	for (size_t i = 0; i < scan->count; i++)
		if (scan->findings[i].kind == SCAN_TASK) {
			str_add(&tasks, tasks.len ? ", " : "");
			add_yaml(&tasks, scan->findings[i].text);
			places = places ? places : scan->findings[i].places;
		}
	str_add(out, "# How many copies side by side: -n of `berth run`.\n#workers: 4\n");
	if (tasks.len)
		str_addf(out,
		         "# Or one copy for each Playwright project (%s), with a command that says "
		         "which:\n"
		         "#each: [%s]\n#command: npx playwright test --project=\"$BERTH_TASK\"\n",
		         places, tasks.text);
	str_add(out, "\n");
}

static unsigned int write_ports(const struct scan *scan, enum scan_kind kind, struct str *out)
{
	unsigned int count = 0;

	for (size_t i = 0; i < scan->count; i++) {
		const struct scan_finding *finding = &scan->findings[i];

		if (finding->kind != kind || of_database(scan, finding->text) ||
		    of_container(scan, finding->text) != (kind == SCAN_PUBLISHED) ||
		    example(finding))
			continue;
		if (!count++)
			str_add(out, kind == SCAN_PORT ? "# Ports that the suite listens on: every "
			                                 "worker gets its "
			                                 "own.\nport:\n"
			                               : "# Ports of containers, which all workers "
			                                 "share.\nshare:\n");
		str_addf(out, "  - %-5s  # %s\n", finding->text, finding->places);
	}
	if (count)
		str_add(out, "\n");
	return count;
}

/* Files that a setup command depends on, if they are there: patterns of glob(3). */
static const struct {
	const char *path, *glob;
} input_places[] = {
	{ "prisma/schema.prisma", "prisma/schema.prisma" },
	{ "prisma/migrations", "prisma/migrations/*/*" },
	{ "drizzle", "drizzle/*" },
	{ "migrations", "migrations/*" },
	{ "db/migrations", "db/migrations/*" },
	{ "db/migrate", "db/migrate/*" },
	{ "db/schema.rb", "db/schema.rb" },
	{ "db/seeds.rb", "db/seeds.rb" },
	{ "priv/repo/migrations", "priv/repo/migrations/*" },
	{ "alembic/versions", "alembic/versions/*" },
	{ "src/main/resources/db/migration", "src/main/resources/db/migration/*" },
	{ "supabase/migrations", "supabase/migrations/*" },
};

/* A list in flow style; empty if there are none. */
static void add_inputs(struct str *out)
{
	for (size_t i = 0; i < ARRAY_LEN(input_places); i++) {
		if (access(input_places[i].path, F_OK))
			continue;
		str_add(out, out->len ? ", " : "[");
		add_yaml(out, input_places[i].glob);
	}
	if (out->len)
		str_add(out, "]");
}

/* With a setup command or its inputs an entry is a mapping, which can hold them. */
static void write_with_inputs(const struct scan_finding *finding, const char *name,
                              const char *inputs, struct str *out)
{
	if (finding->in_env)
		str_addf(out, "  - name: %s  # %s; the rest is read from DATABASE_URL in .env\n",
		         name, finding->places);
	else
		str_addf(
			out,
			"  - url: %s  # %s; add :PASSWORD after the role if the server wants one\n",
			finding->url, finding->places);
	str_addf(out,
	         "    # The setup command runs again when one of these files changes.\n"
	         "    inputs: %s\n",
	         inputs);
}

static void write_database(const struct scan_finding *finding, const char *inputs, struct str *out)
{
	const char *name = finding->url ? strrchr(finding->url, '/') + 1 : NULL;

	if (name && *inputs && !strcmp(finding->database, "postgres")) {
		write_with_inputs(finding, name, inputs, out);
	} else if (strcmp(finding->database, "postgres") || !name) {
		str_addf(out, "  - {kind: %s, port: %u%s%s}  # %s\n", finding->database,
		         finding->port, name ? ", name: " : "", name ? name : "", finding->places);
	} else if (finding->in_env) {
		str_addf(out, "  - %s  # %s; the rest is read from DATABASE_URL in .env\n", name,
		         finding->places);
	} else {
		str_addf(out, "  - ");
		str_add(out, finding->url);
		str_addf(out, "  # %s; add :PASSWORD after the role if the server wants one\n",
		         finding->places);
	}
}

static void write_setup(const struct scan *scan, struct str *out)
{
	bool any = false;

	str_add(out, "# Migrates and seeds a database, once; the workers get copies.\n");
	for (size_t i = 0; i < scan->count; i++)
		if (scan->findings[i].kind == SCAN_SETUP) {
			str_addf(out, "#setup: %s  # %s\n", scan->findings[i].text,
			         scan->findings[i].places);
			any = true;
		}
	str_add(out, any ? "\n" : "#setup: COMMAND\n\n");
}

/* For settings that name no URL (Django, Rails): the URL that the user would have to give. */
static void suggest_databases(const struct scan *scan, struct str *out)
{
	bool any = false;

	for (size_t i = 0; i < scan->count; i++) {
		const struct scan_finding *finding = &scan->findings[i];

		if (!example(finding) || of_database(scan, finding->text) ||
		    of_container(scan, finding->text))
			continue;
		if (!any)
			str_add(out, "# Database servers, it seems: with their URLs every worker "
			             "gets its own.\n#databases:\n");
		str_addf(out, "#  - %s  # %s\n", example(finding), finding->places);
		any = true;
	}
	if (any)
		str_add(out, "\n");
}

static unsigned int write_databases(const struct scan *scan, struct str *out)
{
	cleanup_str struct str inputs = { 0 };
	unsigned int count = 0;

	add_inputs(&inputs);
	for (size_t i = 0; i < scan->count; i++) {
		if (scan->findings[i].kind != SCAN_DATABASE)
			continue;
		if (!count++)
			str_add(out, "# Databases: every worker gets its own, under the same "
			             "name.\ndatabases:\n");
		write_database(&scan->findings[i], inputs.text ? inputs.text : "", out);
	}
	if (count)
		write_setup(scan, out);
	return count;
}

/* Editors with the YAML language server complete and check the keys by the schema. */
static void add_schema(struct str *out)
{
	cleanup_free char *install = NULL, *schema = NULL;

	if (dir_install(&install))
		return;
	schema = str_print("%s/share/berth/berth.schema.json", install);
	if (!access(schema, R_OK))
		str_addf(out, "# yaml-language-server: $schema=%s\n", schema);
}

static void report(const struct scan *scan, unsigned int ports, unsigned int shared,
                   unsigned int databases)
{
	const char *command = NULL;

	for (size_t i = 0; i < scan->count && !command; i++)
		if (scan->findings[i].kind == SCAN_COMMAND)
			command = scan->findings[i].text;
	log_line("looked into %u file%s: %u port%s, %u shared with containers, %u database%s, %s%s",
	         scan->files, scan->files == 1 ? "" : "s", ports, ports == 1 ? "" : "s", shared,
	         databases, databases == 1 ? "" : "s", command ? "command " : "no command",
	         command ? command : "");
}

static int write_file(const struct cli *cli, const char *path, const struct str *text)
{
	cleanup_free char *above = project_config("berth.yaml");
	int ret;

	if (!cli->force && !access(path, F_OK)) {
		log_line("berth.yaml is there already");
		log_hint("berth init --stdout shows what would be written; --force replaces it");
		return 1;
	}
	ret = file_replace(path, text->text, text->len, 0644);
	if (ret) {
		log_line("unable to write '%s': %s", path, strerror(-ret));
		return 1;
	}
	log_line("wrote %s", path);
	if (above && strcmp(above, path))
		log_line("from here on it takes the place of %s", above);
	log_hint("read it, then: berth check; berth run -n 2");
	return 0;
}

int verb_init(struct cli *cli)
{
	cleanup_free char *dir = getcwd(NULL, 0), *path = NULL;
	cleanup_str struct str out = { 0 };
	unsigned int ports, shared, databases;
	struct scan scan = { 0 };
	int status = 0;

	if (!dir) {
		log_line("unable to find the working directory: %s", strerror(errno));
		return 1;
	}
	path = str_print("%s/berth.yaml", dir);
	scan_project(&scan, dir);
	add_schema(&out);
	str_add(&out,
	        "# Settings of this project for berth, as `berth init` found them. `berth help "
	        "berth.yaml` lists all\n"
	        "# keys, `berth check` shows what holds.\n\n");
	write_command(&scan, &out);
	write_workers(&scan, &out);
	ports = write_ports(&scan, SCAN_PORT, &out);
	shared = write_ports(&scan, SCAN_PUBLISHED, &out);
	databases = write_databases(&scan, &out);
	suggest_databases(&scan, &out);
	str_add(&out, "# Settings of their own for CI: used where the variable CI is set.\n"
	              "#profiles:\n#  ci:\n#    timeout: 30m\n#    leaks: fail\n");
	report(&scan, ports, shared, databases);
	if (cli->to_stdout)
		fputs(out.text, stdout);
	else
		status = write_file(cli, path, &out);
	scan_free(&scan);
	return status;
}
