/* SPDX-License-Identifier: MIT */
/* `berth ps` lists the runs of this user and the environments of this project, with their ports. */
#include <stdio.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/results.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/common/show_run.h"
#include "tools/state/environment.h"

/* Append the environments of this project that are not up. */
static void add_environments(const struct cli *cli, struct run_state **runs, size_t *count)
{
	cleanup_free char *results = results_dir(cli);
	cleanup_strv char **names = environment_list(results);

	for (char **name = names; name && *name; name++) {
		struct run_state run;
		bool listed = false;

		if (environment_load(results, *name, &run))
			continue;
		for (size_t i = 0; i < *count; i++)
			listed |= str_equal((*runs)[i].id, run.id);
		if (listed) {
			state_free(&run);
			continue;
		}
		*runs = mem_grow(*runs, *count + 1, sizeof(**runs));
		(*runs)[(*count)++] = run;
	}
}

int verb_ps(struct cli *cli)
{
	struct run_state *runs = NULL;
	size_t count = 0;
	int ret = state_list(&runs, &count);

	if (ret) {
		log_line("unable to list runs: %s", strerror(-ret));
		return 1;
	}
	add_environments(cli, &runs, &count);
	if (cli->json) {
		json_t *array = json_array();

		for (size_t i = 0; i < count; i++)
			json_array_append_new(array, show_run_json(&runs[i]));
		output_json(array);
	} else if (!count) {
		printf("no run\n");
	}
	for (size_t i = 0; !cli->json && i < count; i++) {
		if (i)
			putchar('\n');
		show_run(&runs[i], cli->all);
	}
	state_list_free(runs, count);
	return 0;
}
