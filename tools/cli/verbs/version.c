/* SPDX-License-Identifier: MIT */
/* `berth version`: the version, the shim, which backends work, and which libraries are here. */
#include <stdio.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/library.h"
#include "tools/cli/common/backends.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/term.h"

static void print_text(const char *shim, const struct backends *backends)
{
	struct term_table table = { .indent = 2, .wrap = true };

	printf("berth " BERTH_VERSION "\n");
	/* a path is never wrapped, also where it has a space */
	printf("  shim %s\n", access(shim, R_OK) ? "not there" : shim);
	for (unsigned int i = ISOLATE_PRELOAD; i < ISOLATE_NONE; i++) {
		term_cell(&table, isolate_backend_names[i]);
		if (backends->works[i])
			term_cell(&table, "works here");
		else
			term_cellf(&table, "does not work here: %s",
			           backends->reasons[i] ? backends->reasons[i] : "not tried");
		term_row(&table);
	}
	for (unsigned int i = 0; i < LIBRARIES; i++) {
		term_cell(&table, library_facts[i].soname);
		term_cellf(&table, library_there(i) ? "found" : "not found: no %s",
		           library_facts[i].lost);
		term_row(&table);
	}
	term_print(&table);
}

static void print_json(const char *shim, const struct backends *backends)
{
	json_t *array = json_object(), *libraries = json_object(), *root;

	for (unsigned int i = ISOLATE_PRELOAD; i < ISOLATE_NONE; i++)
		json_object_set_new(array, isolate_backend_names[i],
		                    json_pack("{s:b, s:s?}", "works", backends->works[i], "reason",
		                              backends->reasons[i]));
	for (unsigned int i = 0; i < LIBRARIES; i++)
		json_object_set_new(libraries, library_facts[i].soname,
		                    json_boolean(library_there(i)));
	root = json_pack("{s:s, s:s?, s:o, s:o}", "version", BERTH_VERSION, "shim",
	                 access(shim, R_OK) ? NULL : shim, "backends", array, "libraries",
	                 libraries);
	output_json(root);
}

int verb_version(struct cli *cli)
{
	cleanup_free char *install = NULL, *shim = NULL;
	struct backends backends;

	if (dir_install(&install))
		install = str_copy("");
	shim = str_print("%s/lib/berth/libberth.so", install);
	backends_try(&backends);
	if (cli->json)
		print_json(shim, &backends);
	else
		print_text(shim, &backends);
	backends_free(&backends);
	return 0;
}
