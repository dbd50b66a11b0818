/* SPDX-License-Identifier: MIT */
/*
 * berth.yaml is anything: no crash, no leak, no endless work; and either a configuration that can be applied,
 * or messages that begin with file and line.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/cli/settings/config.c"
#include "tools/cli/settings/nearest.c"
#include "tools/cli/settings/options.c"
#include "tools/cli/common/output.c"
#include "tools/cli/settings/project.c"
#include "tools/cli/settings/shape.c"
#include "tools/cli/settings/types.c"
#include "tools/run/options.c"

/* The real list drags the backends in; a parser only needs one that ends */
const char *const isolate_backend_names[ISOLATE_BACKENDS + 1] = { "auto", "preload" };

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
			run_options_free(&cli.run);
		}
		if (errors)
			abort();
		config_free(config);
	}
	strv_free(errors);
	return 0;
}
