/* SPDX-License-Identifier: MIT */
/*
 * The option table, and for each type of value how it is read, cleared, shown and described. Types are rows
 * too: an option never asks what its type is.
 *
 * Laws: a type's parse function changes its field only on success; every field's zero is "not given"; the
 * text that option_text() returns is one that option_set() accepts.
 */
#include "tools/cli/options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/cli/cli.h"

struct option_type {
	size_t size; /* of the field */
	bool list;
	enum option_values values;
	int (*parse)(const struct option *option, const char *text, void *field);
	void (*clear)(void *field); /* NULL: zero bytes will do */
	char *(*text)(const struct option *option, const void *field);
	char *(*wants)(const struct option *option);
};

static int bool_parse(const struct option *option, const char *text, void *field)
{
	static const struct {
		const char *name;
		bool value;
	} names[] = {
		{ "true", true }, { "false", false }, { "yes", true },
		{ "no", false },  { "on", true },     { "off", false },
	};

	(void)option;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcasecmp(text, names[i].name)) {
			*(bool *)field = names[i].value;
			return 0;
		}
	return -EINVAL;
}

static char *bool_text(const struct option *option, const void *field)
{
	(void)option;
	return str_copy(*(const bool *)field ? "true" : "false");
}

static char *bool_wants(const struct option *option)
{
	(void)option;
	return str_copy("true or false");
}

static int number_parse(const struct option *option, const char *text, void *field)
{
	long number;
	int ret = str_number(text, option->low, option->high, &number);

	if (!ret)
		*(unsigned int *)field = (unsigned int)number;
	return ret;
}

static char *number_text(const struct option *option, const void *field)
{
	(void)option;
	return str_print("%u", *(const unsigned int *)field);
}

static char *number_wants(const struct option *option)
{
	return str_print("a number from %ld to %ld", option->low, option->high);
}

static int count_parse(const struct option *option, const char *text, void *field)
{
	bool more = false;
	int ret = bool_parse(option, text, &more);

	if (!ret)
		*(unsigned int *)field = more ? *(unsigned int *)field + 1 : 0;
	return ret;
}

/* A decimal number such as 2, 0.5 or 1.25, and what follows it */
static int decimal(const char *text, double *ret_number, const char **ret_rest)
{
	char *end;

	if ((*text < '0' || *text > '9') && *text != '.')
		return -EINVAL;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) /* strtod(3) reads hexadecimal */
		return -EINVAL;
	*ret_number = strtod(text, &end);
	if (end == text || !isfinite(*ret_number) || strpbrk(text, "eE"))
		return -EINVAL;
	*ret_rest = end;
	return 0;
}

static int cores_parse(const struct option *option, const char *text, void *field)
{
	const char *rest;
	double number;

	(void)option;
	if (decimal(text, &number, &rest) || *rest)
		return -EINVAL;
	if (number < 0.01 || number > 4096)
		return -ERANGE;
	*(double *)field = number;
	return 0;
}

static char *cores_text(const struct option *option, const void *field)
{
	(void)option;
	return str_print("%g", *(const double *)field);
}

static char *cores_wants(const struct option *option)
{
	(void)option;
	return str_copy("a number of processors such as 2 or 0.5");
}

struct unit {
	const char *name; /* "" is what a bare number means */
	double factor;
};

/* Sorted so that the first that divides a value shows it shortest */
static const struct unit time_units[] = {
	{ "h", 3600e3 }, { "m", 60e3 }, { "s", 1e3 }, { "ms", 1 }, { "", 1e3 }
};
static const struct unit size_units[] = {
	{ "T", 0x1p40 }, { "G", 0x1p30 }, { "M", 0x1p20 }, { "K", 0x1p10 }, { "", 1 }
};

static int unit_parse(const struct unit *units, size_t count, const char *text, double *ret_number)
{
	const char *rest;
	size_t i;

	if (decimal(text, ret_number, &rest))
		return -EINVAL;
	for (i = 0; i < count && strcasecmp(rest, units[i].name); i++)
		;
	if (i == count)
		return -EINVAL;
	*ret_number *= units[i].factor;
	return 0;
}

static char *unit_text(const struct unit *units, size_t count, uint64_t value)
{
	for (size_t i = 0; value && i < count; i++)
		if (!(value % (uint64_t)units[i].factor))
			return str_print("%llu%s", (unsigned long long)(value / (uint64_t)units[i].factor),
					 units[i].name);
	return str_copy("0");
}

static int duration_parse(const struct option *option, const char *text, void *field)
{
	double number;

	if (unit_parse(time_units, ARRAY_LEN(time_units), text, &number))
		return -EINVAL;
	if (number < (double)option->low || number > 365.0 * 24 * 3600e3)
		return -ERANGE;
	*(int64_t *)field = (int64_t)number;
	return 0;
}

static char *duration_text(const struct option *option, const void *field)
{
	(void)option;
	return unit_text(time_units, ARRAY_LEN(time_units), (uint64_t) * (const int64_t *)field);
}

static char *duration_wants(const struct option *option)
{
	return str_print("a time such as 90, 500ms, 5m or 2h%s", option->low ? ", above 0" : "");
}

static int size_parse(const struct option *option, const char *text, void *field)
{
	cleanup_free char *bare = str_copy(text);
	size_t len = strlen(bare);
	double number;

	(void)option;
	/* 512MiB and 512MB are what other tools print */
	if (len > 1 && (bare[len - 1] == 'B' || bare[len - 1] == 'b'))
		bare[--len] = 0;
	if (len > 2 && bare[len - 1] == 'i')
		bare[--len] = 0;
	if (unit_parse(size_units, ARRAY_LEN(size_units), bare, &number))
		return -EINVAL;
	if (number < 1 || number >= 0x1p62)
		return -ERANGE;
	*(uint64_t *)field = (uint64_t)number;
	return 0;
}

static char *size_text(const struct option *option, const void *field)
{
	(void)option;
	return unit_text(size_units, ARRAY_LEN(size_units), *(const uint64_t *)field);
}

static char *size_wants(const struct option *option)
{
	(void)option;
	return str_copy("a size such as 512M or 2G");
}

static void ports_clear(void *field)
{
	struct run_ports *ports = field;

	free(ports->ranges);
	*ports = (struct run_ports){ 0 };
}

static int ports_parse(const struct option *option, const char *text, void *field)
{
	cleanup_strv char **items = strv_split(text, ", ");
	struct run_ports good = { 0 };
	int ret = items ? 0 : -EINVAL;

	(void)option;
	for (char **item = items; !ret && item && *item; item++)
		ret = run_ports_add(&good, *item);
	ports_clear(&good);
	for (char **item = items; !ret && *item; item++)
		ret = run_ports_add(field, *item);
	return ret;
}

static char *ports_text(const struct option *option, const void *field)
{
	const struct run_ports *ports = field;
	struct str text = { 0 };

	(void)option;
	for (unsigned int i = 0; i < ports->count; i++) {
		str_addf(&text, "%s%u", i ? "," : "", ports->ranges[i].first);
		if (ports->ranges[i].last != ports->ranges[i].first)
			str_addf(&text, "-%u", ports->ranges[i].last);
	}
	return str_take(&text);
}

static char *ports_wants(const struct option *option)
{
	(void)option;
	return str_copy("ports from 1 to 65535 such as 3101 or 3000-3010");
}

/* The field is two numbers side by side, as the table's range_first and range_last are */
static int range_parse(const struct option *option, const char *text, void *field)
{
	struct run_ports ports = { 0 };
	uint16_t *ends = field;
	int ret = run_ports_add(&ports, text);

	(void)option;
	if (!ret && ports.ranges[0].first == ports.ranges[0].last)
		ret = -EINVAL;
	if (!ret) {
		ends[0] = ports.ranges[0].first;
		ends[1] = ports.ranges[0].last;
	}
	ports_clear(&ports);
	return ret;
}

static char *range_text(const struct option *option, const void *field)
{
	const uint16_t *ends = field;

	(void)option;
	return str_print("%u-%u", ends[0], ends[1]);
}

static char *range_wants(const struct option *option)
{
	(void)option;
	return str_copy("a range of ports such as 20000-29999");
}

static void strv_clear(void *field)
{
	strv_free(*(char ***)field);
	*(char ***)field = NULL;
}

static int items_parse(const struct option *option, const char *text, void *field)
{
	(void)option;
	if (!*text)
		return -EINVAL;
	strv_add(field, text);
	return 0;
}

static int list_parse(const struct option *option, const char *text, void *field)
{
	cleanup_strv char **items = strv_split(text, ",");

	(void)option;
	for (char **item = items; item && *item; item++)
		strv_add(field, *item);
	return items ? 0 : -EINVAL;
}

static char *list_text(const struct option *option, const void *field)
{
	struct str text = { 0 };

	(void)option;
	for (char **item = *(char **const *)field; item && *item; item++)
		str_addf(&text, "%s%s", text.len ? "," : "", *item);
	return str_take(&text);
}

static char *items_wants(const struct option *option)
{
	(void)option;
	return str_copy("a text");
}

static void text_clear(void *field)
{
	free(*(char **)field);
	*(char **)field = NULL;
}

static int text_parse(const struct option *option, const char *text, void *field)
{
	(void)option;
	if (!*text)
		return -EINVAL;
	text_clear(field);
	*(char **)field = str_copy(text);
	return 0;
}

static char *text_text(const struct option *option, const void *field)
{
	(void)option;
	return str_copy(*(char *const *)field);
}

static int names_parse(const struct option *option, const char *text, void *field)
{
	for (unsigned int i = 0; option->names[i]; i++)
		if (!strcmp(text, option->names[i])) {
			*(unsigned int *)field = i;
			return 0;
		}
	return -EINVAL;
}

static char *names_text(const struct option *option, const void *field)
{
	return str_copy(option->names[*(const unsigned int *)field]);
}

static char *names_wants(const struct option *option)
{
	struct str text = { 0 };

	for (unsigned int i = 0; option->names[i]; i++)
		str_addf(&text, "%s%s", !i ? "" : option->names[i + 1] ? ", " : " or ", option->names[i]);
	return str_take(&text);
}

static const struct option_type type_bool = { sizeof(bool), false,     VALUES_NONE, bool_parse,
					      NULL,	    bool_text, bool_wants };
static const struct option_type type_count = {
	sizeof(unsigned int), true, VALUES_NONE, count_parse, NULL, number_text, bool_wants
};
static const struct option_type type_number = { sizeof(unsigned int), false, VALUES_FREE,
						number_parse,	      NULL,  number_text,
						number_wants };
static const struct option_type type_cores = { sizeof(double), false,	   VALUES_FREE, cores_parse,
					       NULL,	       cores_text, cores_wants };
static const struct option_type type_ports = {
	sizeof(struct run_ports), true, VALUES_FREE, ports_parse, ports_clear, ports_text, ports_wants
};
static const struct option_type type_range = { 2 * sizeof(uint16_t), false, VALUES_FREE,
					       range_parse,	     NULL,  range_text,
					       range_wants };
static const struct option_type type_list = { sizeof(char **), true,	  VALUES_FREE, list_parse,
					      strv_clear,      list_text, items_wants };
static const struct option_type type_items = { sizeof(char **), true,	   VALUES_FREE, items_parse,
					       strv_clear,	list_text, items_wants };
static const struct option_type type_command = { sizeof(char **), true,	     VALUES_COMMAND, items_parse,
						 strv_clear,	  list_text, items_wants };
static const struct option_type type_text = { sizeof(char *), false,	 VALUES_FREE, text_parse,
					      text_clear,     text_text, items_wants };
static const struct option_type type_file = { sizeof(char *), false,	 VALUES_FILE, text_parse,
					      text_clear,     text_text, items_wants };
static const struct option_type type_directory = { sizeof(char *), false,     VALUES_DIRECTORY, text_parse,
						   text_clear,	   text_text, items_wants };
static const struct option_type type_duration = { sizeof(int64_t), false, VALUES_FREE,
						  duration_parse,  NULL,  duration_text,
						  duration_wants };
static const struct option_type type_size = { sizeof(uint64_t), false,	   VALUES_FREE, size_parse, NULL,
					      size_text,	size_wants };
static const struct option_type type_names = { sizeof(unsigned int), false, VALUES_NAMES,
					       names_parse,	     NULL,  names_text,
					       names_wants };

#define BOOL .type = &type_bool
#define COUNT .type = &type_count
#define NUMBER(least, most) .type = &type_number, .low = (least), .high = (most)
#define CORES .type = &type_cores
#define PORTS .type = &type_ports
#define RANGE .type = &type_range
#define LIST .type = &type_list
#define ITEMS .type = &type_items
#define COMMAND .type = &type_command
#define TEXT .type = &type_text
#define FILE_NAME .type = &type_file
#define DIRECTORY .type = &type_directory
#define DURATION(least) .type = &type_duration, .low = (least)
#define SIZE .type = &type_size
#define ENUM(list) .type = &type_names, .names = (list)

#define YAML OPTION_IN_YAML
#define EVERYWHERE (~0ull & ~OPTION_IN_YAML)
#define IN(verb) (1ull << VERB_##verb)

enum { NO_FLAG = -1 };

const struct option option_table[OPTIONS] = {
#define OPTION(id_, name_, letter_, arg_, where_, type_, field_, help_, more_) \
	[OPTION_##id_] = { .id = OPTION_##id_,                                 \
			   .name = (name_),                                    \
			   .letter = (char)((letter_) > 0 ? (letter_) : 0),    \
			   .flag = (letter_) != NO_FLAG,                       \
			   .arg = (arg_),                                      \
			   .where = (where_),                                  \
			   type_,                                              \
			   .offset = offsetof(struct cli, field_),             \
			   .help = (help_),                                    \
			   .more = (more_) },
#include "tools/cli/options.def"
};

static const struct option database_keys[] = {
#define DATABASE_KEY(name_, arg_, type_, field_, help_)    \
	{ .name = (name_),                                 \
	  .arg = (arg_),                                   \
	  type_,                                           \
	  .offset = offsetof(struct run_database, field_), \
	  .help = (help_) },
#include "tools/cli/options.def"
};

static const struct option allow_keys[] = {
#define ALLOW_KEY(name_, arg_, type_, field_, help_)    \
	{ .name = (name_),                              \
	  .arg = (arg_),                                \
	  type_,                                        \
	  .offset = offsetof(struct run_allow, field_), \
	  .help = (help_) },
#include "tools/cli/options.def"
};

_Static_assert(ARRAY_LEN(database_keys) <= KEYS_MAX && ARRAY_LEN(allow_keys) <= KEYS_MAX,
	       "config.h has room for the keys");

const struct option_list option_lists[LISTS] = {
	[LIST_DATABASE] = { "databases", true, sizeof(struct run_database), database_keys,
			    ARRAY_LEN(database_keys) },
	[LIST_ALLOW] = { "allow", false, sizeof(struct run_allow), allow_keys, ARRAY_LEN(allow_keys) },
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
	return option->type->wants == items_wants;
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

int option_set(struct cli *cli, const struct option *option, struct origin origin, const char *text)
{
	const struct option_type *type = option->type;
	struct origin *at = &cli->origins[option->id];
	void *field = field_of(option, cli);
	int ret = option_check(option, text);

	if (ret || origin.layer < at->layer)
		return ret;
	if (!type->list || origin.layer > at->layer)
		field_clear(type, field);
	*at = origin;
	return type->parse(option, text, field);
}

char *option_wants(const struct option *option)
{
	return option->type->wants(option);
}

char *option_text(const struct cli *cli, const struct option *option)
{
	if (cli->origins[option->id].layer == LAYER_DEFAULT)
		return NULL;
	return option->type->text(option, field_of(option, cli));
}

enum { WORD_MOST = 62 };

/* Levenshtein's distance, where two neighbours that have changed places are one error */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int rows[3][WORD_MOST + 1], len = (unsigned int)strlen(b);
	unsigned int *before = rows[0], *last = rows[1], *row = rows[2], *spare;

	if (len > WORD_MOST || strlen(a) > WORD_MOST)
		return UINT_MAX;
	for (unsigned int j = 0; j <= len; j++)
		row[j] = j;
	for (unsigned int i = 1; a[i - 1]; i++) {
		spare = before, before = last, last = row, row = spare;
		row[0] = i;
		for (unsigned int j = 1; j <= len; j++) {
			unsigned int least = last[j - 1] + (a[i - 1] != b[j - 1]);

			least = last[j] + 1 < least ? last[j] + 1 : least;
			least = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < least)
				least = before[j - 2] + 1;
			row[j] = least;
		}
	}
	return row[len];
}

const char *option_nearest(const char *text, const char *const *names, size_t count)
{
	const char *best = NULL;
	unsigned int least = UINT_MAX;

	for (size_t i = 0; i < count; i++) {
		unsigned int far = distance(text, names[i]);
		/* a beginning of at least three letters is as good as one typing error */
		if (strlen(text) >= 3 && (str_starts(names[i], text) || str_starts(text, names[i])) &&
		    far > 1)
			far = 1;
		if (far < least) {
			least = far;
			best = names[i];
		}
	}
	return best && least <= 1 + strlen(text) / 4 ? best : NULL;
}
