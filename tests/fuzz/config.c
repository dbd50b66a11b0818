/* SPDX-License-Identifier: MIT */
/*
 * berth.yaml is anything: no crash, no leak, no endless work; and either a configuration that can be applied,
 * or messages that begin with file and line.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/cli/config.h"

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
		for (unsigned int i = 0; i < config->count; i++) {
			struct cli cli = { 0 };

			config_apply(config, config->sections[i].name, &cli);
			cli_free(&cli);
		}
		if (errors)
			abort();
		config_free(config);
	}
	strv_free(errors);
	return 0;
}
