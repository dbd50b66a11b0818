/* SPDX-License-Identifier: MIT */
/*
 * berth.yaml has any bytes: no crash, no leak, no endless work; and the result is a configuration
 * that can be applied, or messages that begin with file and line.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/cli/settings/config.h"

/* Stand-ins: the files of the real lists need the backends. */
const char *const isolate_backend_names[ISOLATE_BACKENDS + 1] = { "auto", "preload" };
const char *const tree_home_names[] = { "private", "shared", NULL };
const char *const tree_kind_names[] = { "auto", "shared", "overlay", "copy", NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_messages(char *const *errors)
{
	if (!errors)
		abort();
	for (; *errors; errors++)
		if (!str_starts(*errors, "f:"))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct config *config = NULL;
	char **errors = NULL;

	if (config_parse((const char *)data, len, "f", &config, &errors)) {
		check_messages(errors);
	} else {
		for (size_t i = 0; i <= strv_len(config->profiles); i++) {
			struct cli cli = { 0 };

			config_apply(config, i ? config->profiles[i - 1] : NULL, &cli);
			cli_free(&cli);
		}
		if (errors)
			abort();
		config_free(config);
	}
	strv_free(errors);
	return 0;
}
