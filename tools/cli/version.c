/* SPDX-License-Identifier: MIT */
/* `berth version`: what this build is, and which parts of it are beside it. What the machine can do is `berth
 * doctor`'s. */
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/cli/cli.h"
#include "tools/cli/term.h"

struct part {
	const char *what, *path;
};

static const struct part parts[] = {
	{ "shim", "lib/berth/libberth.so" },
};

static void print_text(const char *install)
{
	struct term_table table = { .indent = 2 };

	printf("berth " BERTH_VERSION "\n");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		cleanup_free char *path = str_print("%s/%s", install, parts[i].path);

		term_cell(&table, parts[i].what);
		term_cell(&table, access(path, R_OK) ? "not there" : path);
		term_row(&table);
	}
	term_print(&table);
}

static void print_json(const char *install)
{
	json_t *found = json_object(), *root;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		cleanup_free char *path = str_print("%s/%s", install, parts[i].path);

		json_object_set_new(found, parts[i].what, access(path, R_OK) ? json_null() : json_string(path));
	}
	root = json_pack("{s:s, s:o}", "version", BERTH_VERSION, "parts", found);
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

int verb_version(struct cli *cli)
{
	cleanup_free char *install = NULL;

	if (dir_install(&install))
		install = str_copy("");
	if (cli->json)
		print_json(install);
	else
		print_text(install);
	return 0;
}
