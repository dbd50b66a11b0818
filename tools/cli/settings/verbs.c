/* SPDX-License-Identifier: MIT */
/* The table of verbs, without their functions: help, completions and the parser need no more. */
#include <string.h>

#include "tools/cli/settings/cli.h"

const struct verb verb_table[VERBS] = {
#define VERB(name_, usage_, min_, max_, help_, details_) \
	[VERB_##name_] = { VERB_##name_, #name_, usage_, min_, max_, help_, details_ },
#include "tools/cli/settings/verbs.def"
};

const struct verb *verb_find(const char *name)
{
	for (const struct verb *verb = verb_table; verb < verb_table + VERBS; verb++)
		if (!strcmp(verb->name, name))
			return verb;
	return NULL;
}

unsigned int verb_count_options(const struct verb *verb)
{
	unsigned int count = 0;

	for (size_t i = 0; i < OPTIONS; i++)
		count += option_in(&option_table[i], verb->id);
	return count;
}

const char *verb_nearest(const char *name)
{
	const char *names[VERBS];

	for (size_t i = 0; i < VERBS; i++)
		names[i] = verb_table[i].name;
	return option_nearest(name, names, VERBS);
}
