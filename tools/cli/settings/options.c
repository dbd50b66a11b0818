/* SPDX-License-Identifier: MIT */
/* The option table, and setting an option by layers. What a value may be is in types.c. */
#include <errno.h>
#include <string.h>

#include "core/abi.h"
#include "tools/base/cleanup.h"
#include "tools/db/common/url.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/settings/types.h"

#define YAML       OPTION_IN_YAML
#define EVERYWHERE (~0ull & ~OPTION_IN_YAML)
#define IN(verb)   (1ull << VERB_##verb)

enum { NO_FLAG = -1 };

const struct option option_table[OPTIONS] = {
#define OPTION(id_, name_, letter_, arg_, where_, type_, field_, help_, details_) \
	[OPTION_##id_] = { .id = OPTION_##id_, \
		           .name = (name_), \
		           .letter = (char)((letter_) > 0 ? (letter_) : 0), \
		           .flag = (letter_) != NO_FLAG, \
		           .arg = (arg_), \
		           .where = (where_), \
		           type_, \
		           .offset = offsetof(struct cli, field_), \
		           .help = (help_), \
		           .details = (details_) },
#include "tools/cli/settings/options.def"
};

static const struct option database_keys[] = {
#define DATABASE_KEY(name_, arg_, type_, field_, help_) \
	{ .name = (name_), \
	  .arg = (arg_), \
	  type_, \
	  .offset = offsetof(struct run_database, field_), \
	  .help = (help_) },
#include "tools/cli/settings/options.def"
};

static const struct option allow_keys[] = {
#define ALLOW_KEY(name_, arg_, type_, field_, help_) \
	{ .name = (name_), \
	  .arg = (arg_), \
	  type_, \
	  .offset = offsetof(struct run_allow, field_), \
	  .help = (help_) },
#include "tools/cli/settings/options.def"
};

static const struct option alarm_keys[] = {
#define ALARM_KEY(name_, arg_, type_, field_, help_) \
	{ .name = (name_), \
	  .arg = (arg_), \
	  type_, \
	  .offset = offsetof(struct run_alarm, field_), \
	  .help = (help_) },
#include "tools/cli/settings/options.def"
};

_Static_assert(ARRAY_LEN(database_keys) <= KEYS_MAX && ARRAY_LEN(allow_keys) <= KEYS_MAX &&
                       ARRAY_LEN(alarm_keys) <= KEYS_MAX,
               "config.h has room for the keys");

const struct option_list option_lists[LISTS] = {
	[LIST_DATABASE] = { "databases", true, sizeof(struct run_database), database_keys,
	                    ARRAY_LEN(database_keys) },
	[LIST_ALLOW] = { "allow", false, sizeof(struct run_allow), allow_keys,
	                 ARRAY_LEN(allow_keys) },
	[LIST_ALARM] = { "alarm", false, sizeof(struct run_alarm), alarm_keys,
	                 ARRAY_LEN(alarm_keys) },
};

static void *field_of(const struct option *option, const struct cli *cli)
{
	return (char *)(uintptr_t)cli + option->offset;
}

bool option_in(const struct option *option, unsigned int verb)
{
	return option->flag && (option->where & 1ull << verb);
}

bool option_everywhere(const struct option *option)
{
	return (option->where | OPTION_IN_YAML) == (EVERYWHERE | OPTION_IN_YAML);
}

bool option_is_text(const struct option *option)
{
	return option->type->wants == option_types[TYPE_TEXT].wants;
}

bool option_is_list(const struct option *option)
{
	return option->type->list;
}

enum option_values option_values(const struct option *option)
{
	return option->type->values;
}

const struct option *option_by_name(unsigned int verb, const char *name)
{
	for (const struct option *option = option_table; option < option_table + OPTIONS; option++)
		if (option_in(option, verb) && !strcmp(option->name, name))
			return option;
	return NULL;
}

const struct option *option_by_letter(unsigned int verb, char letter)
{
	for (const struct option *option = option_table; option < option_table + OPTIONS; option++)
		if (letter && option_in(option, verb) && option->letter == letter)
			return option;
	return NULL;
}

const struct option *option_by_key(const char *key)
{
	for (const struct option *option = option_table; option < option_table + OPTIONS; option++)
		if (option->where & OPTION_IN_YAML && !strcmp(option->name, key))
			return option;
	return NULL;
}

static void field_clear(const struct option_type *type, void *field)
{
	if (type->clear)
		type->clear(field);
	else
		memset(field, 0, type->size);
}

int option_check(const struct option *option, const char *text)
{
	uint64_t scratch[4] = { 0 };
	int ret = option->type->parse(option, text, scratch);

	field_clear(option->type, scratch);
	return ret;
}

int option_set_key(void *entry, const struct option *key, const char *text)
{
	return key->type->parse(key, text, (char *)entry + key->offset);
}

int option_set(struct cli *cli, const struct option *option, struct set_by origin, const char *text)
{
	const struct option_type *type = option->type;
	struct set_by *at = &cli->set_by[option->id];
	void *field = field_of(option, cli);
	int ret = option_check(option, text);

	if (ret || origin.layer < at->layer)
		return ret;
	if (!type->list || origin.layer > at->layer)
		field_clear(type, field);
	*at = origin;
	return type->parse(option, text, field);
}

char *option_expected(const struct option *option)
{
	return option->type->wants(option);
}

char *option_text(const struct cli *cli, const struct option *option)
{
	if (cli->set_by[option->id].layer == LAYER_DEFAULT)
		return NULL;
	return option->type->text(option, field_of(option, cli));
}
