/* SPDX-License-Identifier: MIT */
/* `berth version`: what this build is, and which parts of it are beside it. What the machine can do is `berth
 * doctor`'s. */
#include <stdio.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/cli/cli.h"
#include "tools/cli/term.h"

int verb_version(struct cli *cli)
{
	static const struct {
		const char *what, *path;
	} parts[] = {
		{ "shim", "lib/berth/libberth.so" },
	};
	struct term_table table = { .indent = 2 };
	cleanup_free char *install = NULL;

	(void)cli;
	printf("berth " BERTH_VERSION "\n");
	if (dir_install(&install))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		cleanup_free char *path = str_print("%s/%s", install, parts[i].path);

		term_cell(&table, parts[i].what);
		term_cell(&table, access(path, R_OK) ? "not there" : path);
		term_row(&table);
	}
	term_print(&table);
	return 0;
}
