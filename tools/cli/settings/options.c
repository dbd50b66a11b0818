/* SPDX-License-Identifier: MIT */
/* The option table, and setting options by layers. types.c knows what a value may be. */
#include <stdlib.h>
#include <string.h>

#include "core/abi.h"
#include "tools/base/cleanup.h"
#include "tools/db/common/url.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/settings/types.h"

#define YAML       OPTION_IN_YAML
#define EVERYWHERE (~0ull & ~OPTION_IN_YAML)
#define IN(verb)   (1ull << VERB_##verb)
#define RUNS       (IN(run) | IN(up))

enum { NO_FLAG = -1 };
enum { RARE, COMMON };

const struct option option_table[OPTIONS] = {
#define OPTION(id_, name_, letter_, arg_, where_, type_, field_, group_, use_, help_, details_) \
	[OPTION_##id_] = { .id = OPTION_##id_, \
		           .name = (name_), \
		           .letter = (char)((letter_) > 0 ? (letter_) : 0), \
		           .flag = (letter_) != NO_FLAG, \
		           .arg = (arg_), \
		           .where = (where_), \
		           .group = GROUP_##group_, \
		           .common = (use_) == COMMON, \
		           type_, \
		           .offset = offsetof(struct cli, field_), \
		           .help = (help_), \
		           .details = (details_) },
#include "tools/cli/settings/options.def"
};

const char *const option_group_titles[GROUPS] = {
#define GROUP(id, title) title,
#include "tools/cli/settings/options.def"
};

/* The type comes last, because its macro expands to several fields. */
#define KEY(struct_, name_, arg_, field_, help_, ...) \
	{ .name = (name_), \
	  .arg = (arg_), \
	  .offset = offsetof(struct struct_, field_), \
	  .help = (help_), \
	  __VA_ARGS__ },
static const struct option database_keys[] = {
#define DATABASE_KEY(name, arg, type, field, help) KEY(run_database, name, arg, field, help, type)
#include "tools/cli/settings/options.def"
};
static const struct option allow_keys[] = {
#define ALLOW_KEY(name, arg, type, field, help) KEY(run_allow, name, arg, field, help, type)
#include "tools/cli/settings/options.def"
};
static const struct option alarm_keys[] = {
#define ALARM_KEY(name, arg, type, field, help) KEY(run_alarm, name, arg, field, help, type)
#include "tools/cli/settings/options.def"
};

_Static_assert(ARRAY_LEN(database_keys) <= KEYS_MAX && ARRAY_LEN(allow_keys) <= KEYS_MAX &&
                       ARRAY_LEN(alarm_keys) <= KEYS_MAX,
               "KEYS_MAX is at least the number of keys");

#define LIST_OF(name_, texts_, keys_, struct_, entries_, count_) \
	{ \
		.name = (name_), .texts = (texts_), .keys = (keys_), .count = ARRAY_LEN(keys_), \
		.size = sizeof(struct struct_), .entries_offset = offsetof(struct cli, entries_), \
		.count_offset = offsetof(struct cli, count_) \
	}
const struct option_list option_lists[LISTS] = {
	[LIST_DATABASE] = LIST_OF("databases", true, database_keys, run_database, run.database_list,
	                          run.database_count),
	[LIST_ALLOW] = LIST_OF("allow", false, allow_keys, run_allow, run.allow, run.allow_count),
	[LIST_ALARM] = LIST_OF("alarm", false, alarm_keys, run_alarm, run.alarms, run.alarm_count),
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
	return option->type->expected == option_any_text;
}

const struct option *option_by_name(unsigned int verb, const char *name)
{
	for_each_option (option)
		if (option_in(option, verb) && !strcmp(option->name, name))
			return option;
	return NULL;
}

const struct option *option_by_letter(unsigned int verb, char letter)
{
	for_each_option (option)
		if (letter && option_in(option, verb) && option->letter == letter)
			return option;
	return NULL;
}

const struct option *option_by_key(const char *key)
{
	for_each_option (option)
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

void option_clear(struct cli *cli, const struct option *option)
{
	field_clear(option->type, field_of(option, cli));
	cli->set_by[option->id] = (struct set_by){ LAYER_DEFAULT, 0 };
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

int option_set(struct cli *cli, const struct option *option, struct set_by set_by, const char *text)
{
	const struct option_type *type = option->type;
	struct set_by *old = &cli->set_by[option->id];
	void *field = field_of(option, cli);
	int ret = option_check(option, text);

	if (ret || set_by.layer < old->layer)
		return ret;
	if (!type->list || set_by.layer > old->layer)
		field_clear(type, field);
	*old = set_by;
	return type->parse(option, text, field);
}

unsigned int option_list_count(const struct cli *cli, const struct option_list *list)
{
	return *(const unsigned int *)((const char *)cli + list->count_offset);
}

void *option_list_add(struct cli *cli, const struct option_list *list)
{
	void **entries = (void **)((char *)cli + list->entries_offset);
	unsigned int *count = (unsigned int *)((char *)cli + list->count_offset);
	char *entry;

	*entries = mem_grow(*entries, *count + 1, list->size);
	entry = (char *)*entries + (*count)++ * list->size;
	return memset(entry, 0, list->size);
}

void option_list_clear(struct cli *cli, const struct option_list *list)
{
	void **entries = (void **)((char *)cli + list->entries_offset);
	unsigned int *count = (unsigned int *)((char *)cli + list->count_offset);

	for (unsigned int i = 0; i < *count; i++)
		for (unsigned int k = 0; k < list->count; k++)
			field_clear(list->keys[k].type,
			            (char *)*entries + i * list->size + list->keys[k].offset);
	free(*entries);
	*entries = NULL;
	*count = 0;
}

char *option_expected(const struct option *option)
{
	const struct option_type *type = option->type;

	return type->expected_of ? type->expected_of(option) : str_copy(type->expected);
}

char *option_text(const struct cli *cli, const struct option *option)
{
	if (cli->set_by[option->id].layer == LAYER_DEFAULT)
		return NULL;
	return option->type->text(option, field_of(option, cli));
}
