/* SPDX-License-Identifier: MIT */
/* The run's own setup command, else those of its databases, one after the other. */
#include "tools/run/database/setup.h"

#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/base/str.h"
#include "tools/db/template/inputs.h"

char *setup_command(const struct run_options *options)
{
	struct str text = { 0 };

	if (options->setup)
		return str_copy(options->setup);
	for (unsigned int i = 0; i < options->database_count; i++)
		if (options->database_list[i].setup)
			str_addf(&text, "%s%s", text.len ? "\n" : "set -e\n",
			         options->database_list[i].setup);
	return text.len ? str_take(&text) : NULL;
}

bool setup_inputs(const struct run_options *options, char ***ret_inputs)
{
	bool guess = false;

	for (unsigned int i = 0; i < options->database_count; i++) {
		const struct run_database *entry = &options->database_list[i];

		guess |= !options->setup && entry->setup && !entry->inputs;
		for (char **input = entry->inputs; input && *input; input++)
			strv_add(ret_inputs, *input);
	}
	return guess || !*ret_inputs;
}

bool setup_list_inputs(const struct run_options *options, char ***ret_names)
{
	cleanup_free char *command = setup_command(options);
	cleanup_strv char **globs = NULL;
	bool guess = setup_inputs(options, &globs);
	const struct inputs_search search = { options->project_dir, command, globs, guess, NULL };

	*ret_names = NULL;
	if (!command || !options->database_count || options->db_mode == DB_OFF)
		return false;
	if (inputs_find(&search, ret_names)) {
		strv_free(*ret_names);
		*ret_names = NULL;
	}
	return true;
}

void setup_log_template(const char *how, const char *command, unsigned int files)
{
	cleanup_free char *key = str_print(", key of %u file%s", files, files == 1 ? "" : "s");

	log_act("database template: %s%s", !strcmp(how, "cached") ? "from cache" : how,
	        files     ? key
	        : command ? " for this run only, as no input of the setup is known"
	                  : "");
}
